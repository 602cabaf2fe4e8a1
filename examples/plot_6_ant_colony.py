"""
Select features with the ant colony
===================================

`AntColonySelector` is a scikit-learn selector. It works with any estimator and scorer. Nothing
in it knows of faces.
"""

# %%
# Sixty features, of which eight say something about the class.

import matplotlib.pyplot as plt
from sklearn.datasets import make_classification
from sklearn.model_selection import train_test_split
from sklearn.neighbors import KNeighborsClassifier

from ferflow.aco import AntColonySelector

X, y = make_classification(
    400, 60, n_informative=8, n_redundant=0, shuffle=False, class_sep=1.5, random_state=0
)
X, X_val, y, y_val = train_test_split(X, y, random_state=0)

# %%
# Validation rows score the ants. The estimator was not fitted to them.

selector = AntColonySelector(
    KNeighborsClassifier(),
    n_features_to_select=8,
    n_ants=12,
    n_iterations=10,
    racing=False,
    random_state=0,
)
selector.fit(X, y, X_val=X_val, y_val=y_val)
found = selector.get_support(indices=True)
print("features chosen:", found.tolist())
print("of the eight that carry the answer:", int((found < 8).sum()))
print("accuracy, all features:", KNeighborsClassifier().fit(X, y).score(X_val, y_val))
print("accuracy, eight features:", selector.best_score_)

# %%
# The best subset so far, by iteration, and the pheromone at the end.

selector.plot_convergence()
plt.show()

_, axis = plt.subplots(figsize=(7, 2.5), layout="constrained")
axis.bar(range(60), selector.pheromone_, color=["C1" if i < 8 else "C0" for i in range(60)])
axis.set(xlabel="Feature (the first eight carry the answer)", ylabel="Pheromone")
plt.show()

# %%
# The score of the chosen subset is too high, because these rows chose it. Keep rows aside that the
# search never sees. `docs/ant-colony.md` says what the colony gains on faces.
