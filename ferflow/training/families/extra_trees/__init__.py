"""Extremely randomised trees (Geurts, Ernst and Wehenkel 2006), scikit-learn's."""
