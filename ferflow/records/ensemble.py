"""Ensembles of records: the mean of their probabilities, with weights chosen on val if asked."""

import hashlib
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from ferflow.core.errors import FerflowError
from ferflow.core.git import code_commit
from ferflow.core.split import SPLITS
from ferflow.evaluation.metrics import LOG_LOSS_FLOOR
from ferflow.fer2013.table import load_table
from ferflow.records import machine
from ferflow.records.compact import KEPT_SPLITS, Answers
from ferflow.records.compare import common_images
from ferflow.records.from_answers import record_answers
from ferflow.records.record import ENSEMBLES, RunRecord, check_name
from ferflow.records.whose_labels import check_same_labels, without_known_twins

N_BINS = 15  # of the calibration error: Guo et al. 2017
NEGLIGIBLE = 0.005  # a weight below it is dropped, and with it the member
_MAX_STEPS = 10_000
_STEP = 1e-9  # stop when no weight moves by more
_N_ADDED = 60  # members that are added one by one; the shortest of the best beginnings counts

Weights = Literal["equal", "log_loss", "accuracy"]


def make_ensemble(
    members: list[RunRecord], *, weights: Weights = "equal", name: str | None = None
) -> RunRecord:
    """Combine records on the images that all of them answered, and save the ensemble's record.

    weights : equal, or chosen on val: those of `mixture_weights` (log_loss) or of `greedy_weights`
    (accuracy). Members without weight are dropped.
    Raises FerflowError for fewer than two members, or members that do not fit together.
    """
    names = [member.name for member in members]
    if len(set(names)) < 2:
        raise FerflowError(f"an ensemble has two or more different members; got {names}.")
    if wrong := [member.name for member in members if member.mistake]:
        raise FerflowError(
            f"{wrong[0]} is a mistake, evaluated wrongly on purpose, and cannot be a member."
        )
    check_same_labels(members)
    if name is not None:
        check_name(name)
    answers = [member.answers() for member in members]
    splits = [split for split in KEPT_SPLITS if all(split in each for each in answers)]
    if not splits or (weights != "equal" and "val" not in splits):
        raise FerflowError("the members have no split in common (weights need val).")
    models = {split: common_images([each[split] for each in answers], split) for split in splits}
    match weights:
        case "equal":
            shares = np.full(len(names), 1 / len(names))
        case "log_loss":
            shares = mixture_weights(models["val"])
        case "accuracy":
            shares = greedy_weights(models["val"])
    return _save(members, models, shares, name or _default_name(names, weights))


def mixture_weights(models: list[Answers]) -> NDArray[np.float64]:
    """Weights (k,), 0 to 1, sum 1, of the mixture of k models with the least log loss.

    The log loss of a mixture is convex in its weights, and the steps of expectation and
    maximisation, w_k <- w_k mean_i(p_ki / sum_j w_j p_ji), lower it to its minimum (Dempster,
    Laird and Rubin 1977). Negligible weights are set to 0 and the rest fitted again.
    """
    rows = np.arange(len(models[0].y))
    p = np.stack([m.p[rows, m.y].clip(LOG_LOSS_FLOOR) for m in models], axis=1)  # (n, k)
    weights = _fit(p, np.full(p.shape[1], 1 / p.shape[1]))
    kept = weights >= NEGLIGIBLE
    return _fit(p, np.where(kept, weights, 0) / weights[kept].sum())


def greedy_weights(models: list[Answers]) -> NDArray[np.float64]:
    """Weights (k,), 0 to 1, sum 1, of k models, chosen for the accuracy of their mixture.

    Members are added one by one, each as often as it helps (Caruana et al. 2004, "Ensemble
    selection from libraries of models"): the one with which most answers are right, on ties the
    one with the least log loss. A weight is the share of a model among those added.
    """
    y, rows = models[0].y, np.arange(len(models[0].y))
    p = np.stack([model.p for model in models])
    total, added, right = np.zeros_like(p[0]), list[int](), list[int]()
    for _ in range(_N_ADDED):
        sums = total + p
        n_right = (sums.argmax(axis=2) == y).sum(axis=1)
        shares = sums[:, rows, y] / sums.sum(axis=2)
        likelihood = np.log(shares.clip(LOG_LOSS_FLOOR)).mean(axis=1)
        best = np.lexsort((likelihood, n_right))[-1]
        total = sums[best]
        added.append(int(best))
        right.append(int(n_right[best]))
    counts = np.bincount(added[: int(np.argmax(right)) + 1], minlength=len(models))
    return np.asarray(counts / counts.sum())


def mix(models: list[Answers], weights: NDArray[np.float64]) -> Answers:
    """The weighted mean of the models' probabilities; rows sum to 1 again."""
    p = sum(w * model.p for w, model in zip(weights, models, strict=True))
    p = np.asarray(p) / np.sum(p, axis=1, keepdims=True)
    twins = next((model.twins for model in models if model.twins is not None), None)
    return Answers(models[0].image, models[0].y, p, models[0].labels, twins)


def _fit(p: NDArray[np.float64], weights: NDArray[np.float64]) -> NDArray[np.float64]:
    for _ in range(_MAX_STEPS):
        better = weights * (p / (p @ weights)[:, None]).mean(axis=0)
        moved = np.abs(better - weights).max()
        weights = better / better.sum()
        if moved < _STEP:
            break
    return weights


def _save(
    members: list[RunRecord],
    models: dict[str, list[Answers]],
    weights: NDArray[np.float64],
    name: str,
) -> RunRecord:
    mixed = {split: mix(each, weights) for split, each in models.items()}
    shares = {m.name: float(w) for m, w in zip(members, weights, strict=True) if w > 0}
    data = {member.data for member in members}
    protocol = _shared([member.protocol for member in members])
    return record_answers(
        mixed,
        N_BINS,
        apart=_apart(mixed, protocol),
        preset=ENSEMBLES,
        variant=name,
        protocol=protocol,
        members=shares,
        data=data.pop() if len(data) == 1 else None,
        commit=code_commit(),
        versions=machine.versions(),
    )


def _apart(mixed: dict[str, Answers], protocol: dict[str, Any]) -> dict[str, Answers]:
    """The splits without images that have a twin in Training, where they are FER-2013's own.

    None where a member was trained on val as well.
    """
    is_official = str(protocol.get("split", "")).startswith("official")
    on_val = "val" in protocol.get("trained_on", ())
    if protocol.get("data_set") != "FER-2013" or not is_official or on_val:
        return {}
    return without_known_twins(mixed, load_table().folder_twins)


def _shared(protocols: list[dict[str, Any]]) -> dict[str, Any]:
    """What holds of all members; what trained any of them, and what was filtered for any."""
    shared = {
        key: value
        for key, value in protocols[0].items()
        if all(other.get(key) == value for other in protocols)
    }
    trained_on = {name for each in protocols for name in each.get("trained_on", ())}
    if trained_on:
        shared["trained_on"] = [name for name in SPLITS if name in trained_on]
    filtered = [each.get("filters_on_val_and_test") or {} for each in protocols]
    if any(filtered):
        shared["filters_on_val_and_test"] = {k: n for each in filtered for k, n in each.items()}
    return shared


def _default_name(names: list[str], weights: Weights) -> str:
    digest = hashlib.sha256("\n".join(sorted(names)).encode()).hexdigest()[:6]
    kind = {"equal": "mean", "log_loss": "weighted", "accuracy": "greedy"}[weights]
    return f"{kind}-of-{len(names)}-{digest}"
