"""Pretrained networks and where torch computes, for features and for training."""
