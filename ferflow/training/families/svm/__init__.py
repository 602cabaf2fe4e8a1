"""Support vector machine (Cortes and Vapnik 1995), one against one, scikit-learn's."""
