"""What the families without epochs share: scaling, calibration, acceleration, probabilities."""
