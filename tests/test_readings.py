"""What each known mistake would need to print a figure: whole, and at the bounds."""

import numpy as np
import pytest

from ferflow.claims.decoder import decode, reach
from ferflow.claims.verdict import Reading


def test_the_readings_of_a_figure_whole():
    """Of 0.8 on 3,589 images, by a model that has 0.88 of its training images right."""
    found = [
        (r.mistake, r.how, round(r.needed, 4), r.at_least, r.reach, r.plausible)
        for r in decode(0.8, fit=0.88).readings
    ]
    best = 0.8 - np.sqrt(0.8 * 0.2 / 3589 * 2 * np.log(100))
    assert found == [
        ("one_vs_rest", "mean accuracy of 7 yes/no decisions", 0.3, False, "many models", True),
        (
            "select_on_test",
            "the best of 100 by its test score",
            round(best, 4),
            True,
            "above every published figure",
            False,
        ),
        (
            "score_on_merged_validation",
            "half of the scored images trained on",
            0.72,
            False,
            "the best single networks",
            True,
        ),
        (
            "leaky_splits",
            "568 of 7,178 official test images are in Training, too",
            round((0.8 - 568 / 7178 * 0.88) / (1 - 568 / 7178), 4),
            False,
            "above every published figure",
            False,
        ),
        (
            "drop_hard_classes",
            "two classes left out; at best with every error",
            round(0.8 * (3589 - 55 - 416) / 3589, 4),
            True,
            "good single networks, people",
            True,
        ),
    ]


@pytest.mark.parametrize(
    ("accuracy", "n_classes", "words"),
    [
        (0.49, 2, "below guessing"),
        (0.5, 2, "no ceiling is known for 2 classes"),
        (0.14, 7, "below guessing"),
        (0.2449, 7, "less than naming every image happy"),
        (879 / 3589, 7, "many models"),
        (0.5999, 7, "many models"),
        (0.6, 7, "good single networks, people"),
        (0.7, 7, "good single networks, people"),
        (0.7001, 7, "the best single networks"),
        (0.74, 7, "the best single networks"),
        (0.7401, 7, "ensembles only"),
        (0.77, 7, "ensembles only"),
        (0.7701, 7, "above every published figure"),
    ],
)
def test_who_reaches_an_accuracy(accuracy, n_classes, words):
    assert reach(accuracy, n_classes) == words


@pytest.mark.parametrize(
    ("figure", "n_classes", "fit", "mistake", "needed", "words", "plausible"),
    [
        (0.5, 4, 1.0, "one_vs_rest", 0.0, "below guessing", False),
        (0.4999, 4, 1.0, "one_vs_rest", None, "no accuracy gives this figure", False),
        (0.5, 2, 1.0, "one_vs_rest", 0.5, "no ceiling is known for 2 classes", True),
        (1.0, 4, 1.0, "one_vs_rest", 1.0, "no ceiling is known for 4 classes", True),
        (1.0, 7, 0.0, "score_on_merged_validation", None, "no accuracy gives this figure", False),
    ],
)
def test_an_accuracy_lies_from_0_to_1(figure, n_classes, fit, mistake, needed, words, plausible):
    readings = decode(figure, n_classes, fit=fit).readings
    (found,) = (each for each in readings if each.mistake == mistake)
    assert (found.needed, found.reach, found.plausible) == (needed, words, plausible)


def test_a_figure_that_no_accuracy_gives():
    reading = decode(0.4, 4).readings[0]
    how, why = "mean accuracy of 4 yes/no decisions", "no accuracy gives this figure"
    assert reading == Reading("one_vs_rest", how, None, False, why, False)
    assert reading.plausible is False and reading.at_least is False
