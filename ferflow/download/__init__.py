"""Stage 1: images from a source, dealt out to train, val and test."""
