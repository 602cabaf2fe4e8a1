"""Stage 2: which images stay, and what is done to their pixels."""
