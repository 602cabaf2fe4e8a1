"""What is done to a grey picture, wherever it comes from."""
