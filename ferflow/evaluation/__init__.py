"""Stage 8: metrics, stored predictions and figures."""
