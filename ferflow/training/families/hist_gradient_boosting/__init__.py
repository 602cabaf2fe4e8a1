"""Gradient boosting of trees on binned values (Friedman 2001; Ke et al. 2017), scikit-learn's."""
