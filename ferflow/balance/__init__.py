"""Stage 5: rare classes filled up, or others cut down."""
