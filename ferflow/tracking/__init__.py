"""Stage 9: a finished run in MLflow."""
