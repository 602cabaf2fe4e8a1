"""`ferflow mistake`: run one in its own DVC pipeline and put it beside the honest run."""

import subprocess
from pathlib import Path
from typing import Any

from rich.table import Table

from ferflow.artifacts import read_json
from ferflow.errors import FerflowError, ParamError
from ferflow.papers.mistakes import MISTAKES
from ferflow.params import PARAMS_FILE, nearest, read_yaml
from ferflow.presets import use
from ferflow.summary import METRICS_FILE

PIPELINE = Path("mistakes/dvc.yaml")
RESULTS = Path("mistakes/results")
SHOWN = ("accuracy", "balanced_accuracy", "f1_macro", "f1_weighted", "one_vs_rest_accuracy")
_KEPT = (("data", "path"), ("features", "backbone"))  # where a user's files lie, in any preset


def run_mistake(name: str, preset: str | None) -> dict[str, Any]:
    """The figures of a mistake on the present preset, or on another one that is switched to.

    Runs the honest chain first where it is not up to date. Raises ParamError for an unknown name,
    FerflowError where the pipeline fails.
    """
    if name not in MISTAKES:
        raise ParamError(
            f"there is no mistake '{name}'.{nearest(name, MISTAKES)} Legal: {', '.join(MISTAKES)}."
        )
    params = read_yaml(PARAMS_FILE)
    if preset is not None and preset != params.get("preset"):
        kept = {f"{s}.{k}": params[s][k] for s, k in _KEPT if params[s][k] is not None}
        use(preset, kept)
    targets = ["evaluate", f"{PIPELINE}:mistake@{name}"]  # the honest figures are shown beside it
    if subprocess.run(["dvc", "repro", *targets], check=False).returncode:
        raise FerflowError(f"the mistake '{name}' could not be run; the reason stands above.")
    result: dict[str, Any] = read_json(RESULTS / f"{name}.json")["mistake"]
    return result


def comparison(name: str, mistaken: dict[str, Any]) -> Table:
    """The honest test figures beside the mistake's, which are marked as such."""
    scores = read_json(METRICS_FILE)
    split = "test" if "test" in scores else "val"
    table = Table("metric", f"honest, {split}", f"MISTAKE {name}", caption=mistaken["what"])
    for key in SHOWN:
        table.add_row(key, f"{scores[split][key]:.3f}", f"{mistaken[key]:.3f}")
    threshold = mistaken["one_vs_rest_accuracy_by_threshold"]
    table.add_row("one_vs_rest_accuracy at 0.5", "", f"{threshold:.3f}")
    return table
