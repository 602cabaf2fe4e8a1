"""Networks trained from images, one training loop for all architectures."""
