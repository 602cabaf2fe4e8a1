"""`ferflow mistake`: run some in their own DVC pipeline and put them beside the honest run."""

from pathlib import Path
from typing import Any

from rich.table import Table

from ferflow.core.costs import find_cost
from ferflow.core.errors import FerflowError, ParamError
from ferflow.core.files import read_json
from ferflow.core.params import PARAMS_FILE, nearest, read_yaml
from ferflow.core.paths import CLASSIFIER, SCORES
from ferflow.core.pipeline import Pipeline
from ferflow.runs.mistakes.by_name import MISTAKES, n_fits, reason_against
from ferflow.runs.repro import repro
from ferflow.settings.presets import use
from ferflow.training.shared.classifier import ABOUT

PIPELINE = Path("mistakes/dvc.yaml")
RESULTS = Path("mistakes/results")
SHOWN = ("accuracy", "balanced_accuracy", "f1_macro", "f1_weighted", "one_vs_rest_accuracy")
CHANGES_IMAGES = ("augment_before_split", "modified_test")  # whose features nobody has yet
_KEPT = (("data", "path"), ("features", "backbone"))  # where a user's files lie, in any preset


def bring_honest_chain_up_to_date(preset: str | None) -> None:
    """Run what the honest chain lacks, of the present preset or of another that is switched to.

    The honest figures are shown beside a mistake's, and it takes what the chain made.
    Raises FerflowError if there is no pipeline of mistakes, or the honest one fails.
    """
    if not PIPELINE.exists():
        raise FerflowError(
            f"{PIPELINE} is not here: mistakes are made in a clone of ferflow, not in a project of "
            "`ferflow new`. `ferflow decode FIGURE` works here, too."
        )
    params = read_yaml(PARAMS_FILE)
    if preset is not None and preset != params.get("preset"):
        kept = {f"{s}.{k}": params[s][k] for s, k in _KEPT if params[s][k] is not None}
        use(preset, kept)
    repro("evaluate", failed="the honest chain could not be run; the reason stands above.")


def reasons_against() -> dict[str, str | None]:
    """Mistake -> why it cannot be made with the present classifier, or None; the cheap first."""
    meta, labels = _honest()
    names = sorted(MISTAKES, key=lambda name: n_fits(name, meta["trained_on"]))
    return {name: reason_against(name, meta, labels) for name in names}


def run_mistake(name: str) -> dict[str, Any]:
    """The figures of a mistake on the honest chain's results, which must be there.

    Raises FerflowError if it does not apply to them, or its pipeline fails.
    """
    if reason := reasons_against()[name]:
        raise FerflowError(f"the mistake '{name}' cannot be made here: {reason}.")
    repro(
        f"{PIPELINE}:mistake@{name}",
        failed=f"the mistake '{name}' could not be run; the reason stands above.",
    )
    result: dict[str, Any] = read_json(RESULTS / f"{name}.json")["mistake"]
    return result


def check_mistake(name: str) -> None:
    """Raises ParamError for an unknown name."""
    if name not in MISTAKES:
        raise ParamError(
            f"there is no mistake '{name}'.{nearest(name, MISTAKES)} Legal: {', '.join(MISTAKES)}."
        )


def cost_text(names: list[str]) -> str:
    """What some mistakes will cost, before they run: what is fitted and extracted again."""
    meta, _ = _honest()
    changed = [name for name in names if name in CHANGES_IMAGES] if "features" in meta else []
    extracted = f" Features of changed images are extracted for {', '.join(changed)}."
    return _fit_text(names, meta["trained_on"]) + (extracted if changed else "")


def _fit_text(names: list[str], trained_on: list[str]) -> str:
    fits = {name: n for name in names if (n := n_fits(name, trained_on))}
    if not fits:
        return "only scored again: seconds."
    cost = find_cost(Pipeline(), "train")
    took = (
        f"the honest fit took {cost['seconds']:,.0f} s" if cost else "the honest fit was not timed"
    )
    words = ", ".join(f"{name} (up to {n} fits)" if n > 1 else name for name, n in fits.items())
    return f"retrained: {words}; {took}. What was run before is taken from the cache."


def comparison(name: str, mistaken: dict[str, Any]) -> Table:
    """The honest test figures beside the mistake's, which are marked as such."""
    scores = read_json(SCORES)
    split = "test" if "test" in scores else "val"
    table = Table("metric", f"honest, {split}", f"MISTAKE {name}", caption=mistaken["what"])
    for key in SHOWN:
        table.add_row(key, f"{scores[split][key]:.3f}", f"{mistaken[key]:.3f}")
    threshold = mistaken["one_vs_rest_accuracy_by_threshold"]
    table.add_row("one_vs_rest_accuracy at 0.5", "", f"{threshold:.3f}")
    return table


def _honest() -> tuple[dict[str, Any], list[str]]:
    """What is known of the honest classifier (such as what it was fitted to), and its classes."""
    about = read_json(CLASSIFIER / ABOUT)
    return about["meta"], about["labels"]
