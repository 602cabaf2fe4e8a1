"""Nearest neighbours (Cover and Hart 1967), scikit-learn's."""
