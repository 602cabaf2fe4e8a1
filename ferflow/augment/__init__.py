"""Stage 3: changed copies of training images, as rows of their own."""
