"""Stage 4: from images to the numbers that a classifier sees."""
