"""The registered models: a name for each data set, an alias for the best on val.

Accuracies on val compare where val holds the same images. So runs of one data set, dealt out
alike, are versions of one registered model.
"""

import mlflow
from mlflow import MlflowClient
from mlflow.entities import Run

BEST = "best-on-val"
_VAL = "val_accuracy"  # a version's tag: all digits, so that equal accuracies stay equal


def register(
    client: MlflowClient, run: Run, model_id: str, name: str, val_accuracy: float | None
) -> None:
    """Make a run's model a version of a registered model, once, and let the alias name the best.

    val_accuracy : 0 to 1, None where val is not scored. The alias moves to a version whose accuracy
    is higher than that of the version which has it; of equal ones the first keeps it.
    """
    mlflow.set_tracking_uri(client.tracking_uri)  # where `create_model_version` looks for the model
    if not client.search_registered_models(f"name = '{name}'"):
        client.create_registered_model(name)
    version = _find_or_create(client, run, model_id, name, val_accuracy)
    if val_accuracy is not None and val_accuracy > _best_accuracy(client, name):
        client.set_registered_model_alias(name, BEST, version)


def _find_or_create(
    client: MlflowClient, run: Run, model_id: str, name: str, val_accuracy: float | None
) -> str:
    """The number of the run's version."""
    for found in client.search_model_versions(f"run_id = '{run.info.run_id}'"):
        if found.name == name and found.source == f"models:/{model_id}":
            return str(found.version)
    tags = {"preset": run.data.tags["preset"]}
    tags |= {} if val_accuracy is None else {_VAL: repr(val_accuracy)}
    made = client.create_model_version(
        name, f"models:/{model_id}", run.info.run_id, tags=tags, model_id=model_id
    )
    return str(made.version)


def _best_accuracy(client: MlflowClient, name: str) -> float:
    """The accuracy on val of the version with the alias; -1 where none has it."""
    if (number := client.get_registered_model(name).aliases.get(BEST)) is None:
        return -1.0
    return float(client.get_model_version(name, number).tags.get(_VAL, -1))
