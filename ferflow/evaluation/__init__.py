"""Metrics, stored predictions and figures."""
