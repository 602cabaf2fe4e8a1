"""Multinomial logistic regression with an L2 penalty, scikit-learn's."""
