"""What all families share, and what reads a trained classifier."""
