"""Stage 6: which features the classifier sees."""
