"""What MLflow says of a run in words and figures: its headline and its description."""

import pandas as pd
import pytest

from ferflow.tracking.description import describe_run
from ferflow.tracking.headline import (
    FIGURES,
    PEAK_MEMORY,
    SECONDS,
    cost_figures,
    in_a_line,
    score_figures,
)

SCORES = {
    "val": {"accuracy": 0.5, "f1_macro": 0.4, "balanced_accuracy": 0.45, "log_loss": 1.0, "n": 4},
    "test": {"accuracy": 0.25, "ece": 0.125, "per_class": {}},
    "test_without_twins": {"accuracy": 0.2},
}
ELSEWHERE = ["balance/after/angry", "colony/score", "cost/train/seconds", "val/accuracy"]


def test_the_headline_is_about_a_dozen_figures_of_the_scores():
    assert score_figures(SCORES) == {
        "at a glance/accuracy_test": 0.25,
        "at a glance/accuracy_test_without_twins": 0.2,
        "at a glance/accuracy_val": 0.5,
        "at a glance/balanced_accuracy_val": 0.45,
        "at a glance/calibration_error_test": 0.125,
        "at a glance/f1_macro_val": 0.4,
    }
    costs = {
        "train": {"seconds": 2.0, "peak_memory_mb": 30.0},
        "evaluate": {"seconds": 1.5, "peak_memory_mb": 40.0},
    }
    assert cost_figures(costs) == {SECONDS: 3.5, PEAK_MEMORY: 40.0}
    assert cost_figures({}) == {}
    assert 10 <= len({*FIGURES, SECONDS, PEAK_MEMORY}) <= 14


def test_the_headline_sorts_before_all_other_metrics_and_accuracies_before_the_rest():
    names = [*ELSEWHERE, SECONDS, PEAK_MEMORY, *FIGURES]
    in_order = sorted(names)
    assert in_order[-len(ELSEWHERE) :] == ELSEWHERE
    assert all("/accuracy_" in name for name in in_order[:5])


def test_the_headline_in_a_line():
    assert in_a_line(score_figures(SCORES)) == "Accuracy 0.250 on test, 0.500 on val."
    assert in_a_line(score_figures({"val": SCORES["val"]})) == "Accuracy 0.500 on val."
    assert in_a_line({}) == ""


@pytest.fixture
def tables(tmp_path):
    """The confusions of val, of classes with names like markup; test is not scored."""
    table = pd.DataFrame(
        {"actual": ["a|b", "a|b", "2", "2"], "predicted": ["a|b", "2"] * 2, "count": [3, 1, 0, 2]}
    )
    table.to_csv(tmp_path / "confusion_val.csv", index=False)
    table[:0].to_csv(tmp_path / "confusion_test.csv", index=False)
    return tmp_path


def test_the_description_holds_figures_confusions_and_how_to_run_it_again(tables):
    tags = {"preset": "quickstart", "commit": "0123456789ab"}
    text = describe_run(tags, 7, "drawn faces; unfiltered.", {SECONDS: 61.4}, "f00", tables)
    assert text.startswith("Preset quickstart, seed 7.\n\ndrawn faces; unfiltered.\n\n| figure ")
    assert "| seconds | 61 |" in text
    assert "Confusion matrix of val" in text
    assert "|  | a\\|b | 2 |\n| --- | --- | --- |\n| a\\|b | 3 | 1 |\n| 2 | 0 | 2 |\n" in text
    assert "git checkout 0123456789ab\n" in text and "-r f00 -a pipeline/params.yaml" in text
    assert "in no commit" not in text


def test_the_description_of_uncommitted_code_says_so_and_has_no_commit_without_git(tables):
    edited = {"preset": "best", "commit": "0123456789ab-dirty"}
    text = describe_run(edited, 0, "x.", score_figures(SCORES), "f00", tables)
    assert text.startswith("**Accuracy 0.250 on test, 0.500 on val.** Preset best, seed 0.")
    assert "git checkout 0123456789ab\n" in text and "changes that are in no commit" in text
    nowhere = describe_run(edited | {"commit": "none"}, 0, "x.", {}, "f00", tables)
    assert "git checkout" not in nowhere and "dvc repro" in nowhere


def test_a_confusion_matrix_too_large_for_a_tag_is_left_out(tables):
    names = [f"class {k}" for k in range(60)]
    table = pd.DataFrame({"actual": names * 60, "predicted": names * 60, "count": 0})
    table["actual"] = sorted(table["actual"], key=names.index)
    table.to_csv(tables / "confusion_val.csv", index=False)
    tags = {"preset": "quickstart", "commit": "none"}
    text = describe_run(tags, 0, "x.", {}, "f00", tables)
    assert "Confusion" not in text and "dvc repro" in text
