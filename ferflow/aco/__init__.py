"""Feature selection by an ant colony, for any scikit-learn estimator.

    from ferflow.aco import AntColonySelector

Nothing here knows of faces or of the pipeline: the package needs numpy, scipy, scikit-learn, for
pictures alone matplotlib, and of ferflow `core.files` and `core.acceleration`.
"""

from ferflow.aco.selector import AntColonySelector
from ferflow.aco.stability import jaccard_stability, kuncheva_index, mean_jaccard_distance

__all__ = ["AntColonySelector", "jaccard_stability", "kuncheva_index", "mean_jaccard_distance"]
