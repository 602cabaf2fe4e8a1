"""The ant colony as a scikit-learn selector: its contract."""

import pytest
from sklearn.linear_model import Ridge
from sklearn.tree import DecisionTreeClassifier
from sklearn.utils.estimator_checks import parametrize_with_checks

from ferflow.aco import AntColonySelector

CHEAP = {"n_ants": 3, "n_iterations": 2, "cv": 2, "random_state": 0}


@parametrize_with_checks(
    [
        AntColonySelector(DecisionTreeClassifier(max_depth=2), **CHEAP),
        AntColonySelector(Ridge(), **CHEAP, n_features_to_select=0.5),
    ]
)
@pytest.mark.filterwarnings("ignore:The least populated class in y:UserWarning")
def test_it_keeps_scikit_learns_contract(estimator, check):
    check(estimator)
