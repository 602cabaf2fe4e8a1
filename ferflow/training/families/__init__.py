"""Classifier families, a package each; `train.family` names the package."""
