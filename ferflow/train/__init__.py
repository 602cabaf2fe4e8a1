"""Classifier families, a module each; `train.family` names the module."""
