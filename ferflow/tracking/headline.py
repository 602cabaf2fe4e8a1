"""What a person compares first: about a dozen figures of a run, under names that sort first.

MLflow's page of a run lists metrics in the order in which they were logged; its charts are grouped
by what stands before a name's last slash, the groups in alphabetical order, names without a slash
last of all. So the headline figures are logged first, and their group's name precedes the others.
"""

from collections.abc import Mapping
from typing import Any

GROUP = "at a glance"
ACCURACY_VAL = f"{GROUP}/accuracy_val"

# Name -> the split and the score of metrics/metrics.json, which are logged as split/score too.
FIGURES = {
    f"{GROUP}/accuracy_test": ("test", "accuracy"),
    f"{GROUP}/accuracy_test_tta": ("test_tta", "accuracy"),
    f"{GROUP}/accuracy_test_without_twins": ("test_without_twins", "accuracy"),
    f"{GROUP}/accuracy_train": ("train", "accuracy"),
    ACCURACY_VAL: ("val", "accuracy"),
    f"{GROUP}/balanced_accuracy_test": ("test", "balanced_accuracy"),
    f"{GROUP}/balanced_accuracy_val": ("val", "balanced_accuracy"),
    f"{GROUP}/calibration_error_test": ("test", "ece"),
    f"{GROUP}/f1_macro_test": ("test", "f1_macro"),
    f"{GROUP}/f1_macro_val": ("val", "f1_macro"),
    f"{GROUP}/log_loss_test": ("test", "log_loss"),
}
SECONDS = f"{GROUP}/seconds"
PEAK_MEMORY = f"{GROUP}/peak_memory_mb"
_WORDS = {PEAK_MEMORY: "peak memory, MB", f"{GROUP}/log_loss_test": "log loss test, nats"}


def score_figures(scores: Mapping[str, Any]) -> dict[str, float]:
    """Name -> value of the headline figures among scores, split -> score -> value.

    Those of splits that were not scored are absent. Shares (0 to 1), but for the log loss, in nats.
    """
    return {
        name: float(scores[split][score])
        for name, (split, score) in FIGURES.items()
        if score in scores.get(split, {})
    }


def cost_figures(costs: Mapping[str, Mapping[str, float]]) -> dict[str, float]:
    """The sum of the stages' seconds and their largest peak memory, in MB (10**6 bytes).

    costs : as `find_costs` finds them. Nothing where no stage ran here.
    """
    if not costs:
        return {}
    return {
        PEAK_MEMORY: max(cost["peak_memory_mb"] for cost in costs.values()),
        SECONDS: sum(cost["seconds"] for cost in costs.values()),
    }


def in_words(name: str) -> str:
    """'at a glance/accuracy_test' -> 'accuracy test'."""
    return _WORDS.get(name) or name.removeprefix(f"{GROUP}/").replace("_", " ")


def in_a_line(figures: Mapping[str, float]) -> str:
    """'Accuracy 0.652 on test, 0.648 on val.', or what of it there is."""
    parts = [
        f"{in_digits(name, figures[name])} on {split}"
        for split in ("test", "val")
        if (name := f"{GROUP}/accuracy_{split}") in figures
    ]
    return f"Accuracy {', '.join(parts)}." if parts else ""


def in_digits(name: str, value: float) -> str:
    """A headline figure for people: three decimals, or whole seconds and megabytes."""
    return f"{value:,.0f}" if name in (SECONDS, PEAK_MEMORY) else f"{value:.3f}"
