"""Pretrained networks and what computes them, for features and for training."""
