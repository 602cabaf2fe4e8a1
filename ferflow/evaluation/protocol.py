"""The protocol: what the scores mean, stored beside them and printed with them."""

from collections.abc import Mapping
from typing import Any

from ferflow.core.face_shape import GREY_48, noted_shape
from ferflow.core.split import SPLITS, Split

OWN_LABELS = "the data set's own"


def protocol(
    split: Split,
    scored: list[str],
    trained_on: list[str],
    twins_left_out: Mapping[str, Mapping[str, int]],
    relatives_left_out: Mapping[str, Mapping[str, int]],
) -> dict[str, Any]:
    """What the figures mean: the data, and what was left out of them.

    split : any of the scored splits. trained_on : the splits whose rows the classifier was fitted
    on; none if nothing was fitted. twins_left_out, relatives_left_out : see
    `without_twins.count_twins`, `count_relatives`.
    """
    meta = split.meta
    subset_of = meta.get("class_subset_of")
    faces = noted_shape(meta)
    return {
        "data_set": meta["data_set"],
        "split": meta["split"],
        "labels": meta.get("whose_labels", OWN_LABELS),
        "classes": list(split.labels),
        "classes_left_out": [c for c in subset_of if c not in split.labels] if subset_of else [],
        "filters_on_train": meta["train_filters"],
        "filters_on_val_and_test": meta["val_test_filters"],
        "scored": scored,
        "trained_on": trained_on,
        "twin_distance": meta["twin_distance"],
        "left_out_without_twins": twins_left_out,
        "left_out_without_relatives": relatives_left_out,
    } | ({} if faces == GREY_48 else {"faces": str(faces)})


def describe(protocol: Mapping[str, Any]) -> str:
    """The protocol in a line."""
    left_out, whose = protocol["classes_left_out"], protocol.get("labels", OWN_LABELS)
    parts = [
        f"{protocol['data_set']}, split: {protocol['split']}, {len(protocol['classes'])} classes"
        + (f" (without {', '.join(left_out)})" if left_out else "")
        + (f", labels: {whose}" if whose != OWN_LABELS else ""),
        f"train filtered: {', '.join(protocol['filters_on_train']) or 'no'}",
        f"val and test filtered: {_filtered(protocol['filters_on_val_and_test'])}",
    ]
    if "faces" in protocol:
        parts.append(f"faces: {protocol['faces']}")
    if "val" in protocol.get("trained_on", []):
        parts.append(
            "val joined the training rows and is not scored; which images of test have a twin "
            "there is not known, so there are no scores without twins"
        )
    if protocol.get("trained_on") == []:
        parts.append("nothing was fitted: which images the model was trained on is not known")
    for name, n in protocol["left_out_without_twins"].items():
        parts.append(
            f"{n['exact'] + n['near']} {name} images have a twin in train ({n['exact']} exact)"
        )
    for name, n in protocol.get("left_out_without_relatives", {}).items():
        parts.append(
            f"{sum(n.values())} {name} images have a copy in train that is a twin, mirrored, moved "
            f"or equalised ({n['mirrored']} mirrored)"
        )
    return "; ".join(parts) + "."


def _filtered(counts: Mapping[str, Mapping[str, int]]) -> str:
    """'constant (1 of val, 0 of test)', or 'no'."""
    words = []
    for reason, n in counts.items():
        per_split = ", ".join(f"{n[name]} of {name}" for name in SPLITS if name in n)
        words.append(f"{reason} ({per_split})")
    return ", ".join(words) or "no"
