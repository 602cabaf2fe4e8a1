"""Pretrained networks, for features and for training."""
