"""Random forest (Breiman 2001), scikit-learn's."""
