"""The card of a network that comes with ferflow.

After Mitchell et al. 2019, Model cards for model reporting.
"""

from collections.abc import Mapping
from typing import Any

from ferflow.core.face_shape import noted_shape
from ferflow.training.shared.classifier import Classifier

_SPLITS = {
    "val": "PublicTest (chose the epoch)",
    "test": "PrivateTest",
    "val_without_twins": "PublicTest without twins",
    "test_without_twins": "PrivateTest without twins",
}
_LIMITS = """\
- It recognises posed expressions of faces seen from the front. People agree with the labels on
  65 ± 5 % of these images. It does not recognise feelings and must not be used to judge people. The
  EU's AI Act forbids emotion recognition at work and in schools.
- FER-2013 was collected by searching the web for emotion words. Age, sex and skin colour of the
  people are not recorded, so it is not known whether some groups have more errors.
- Its labels are noisy, and some images are in several splits: see the rows without twins.
- Its faces are {face}, cropped closely. It was not tested on other crops, profiles, masks and
  drawings."""


_FILES = {
    "bundled": """\
Weights are 16-bit safetensors in the format of `transformers`; `ferflow/bundled.onnx` is the same
network. No file runs code or shows a face. `trained_on.safetensors` holds 64-bit hashes of the
training images. With them ferflow refuses the network as a frozen backbone on these images.""",
    "small": """\
It lies in `ferflow/small.onnx`, for telephones and live video: `ferflow predict --model small`.""",
}


def model_card(
    classifier: Classifier, scores: Mapping[str, Any], protocol: str, shrunk: str, name: str
) -> str:
    """Markdown: what the model is, what it was trained on, its scores and limits.

    scores : split -> what `ferflow.evaluation.metrics.split_metrics` gives. shrunk : what 8 bits
    did to its ONNX file, a sentence. name : its preset, bundled or small.
    """
    model = classifier.model
    colour = "grey" if model.channels == 1 else "colour"
    n_parameters = sum(p.numel() for p in model.network.parameters())
    return f"""\
# The model `{name}`

A `{model.architecture}` of {n_parameters:,} parameters that names the expression on a {colour} face
of {model.side}x{model.side} pixels: {", ".join(classifier.labels)}. {_FILES[name]}

`ferflow bundle` wrote it after a run of the preset `{name}`. To train it again:

```sh
ferflow bundle {name} --train --set data.path=../fer2013.zip
```

## Data and protocol

{protocol} It was trained on Training. PublicTest chose the epoch, PrivateTest chose nothing.

## Scores

{_score_table(scores)}

Intervals are Wilson's, 95 %. The calibration error has 15 bins. Scores are those of the weights in
16 bits. The ONNX file: {shrunk}

{_class_table(scores, classifier.labels)}

## Limits

{_LIMITS.format(face=noted_shape(classifier.meta))}
"""


def _score_table(scores: Mapping[str, Any]) -> str:
    head = "| split | images | accuracy | macro F1 | log loss | calibration error |"
    lines = [head, "|---|---|---|---|---|---|"]
    for name, title in _SPLITS.items():
        s = scores[name]
        interval = f"({s['accuracy_low']:.3f} to {s['accuracy_high']:.3f})"
        lines.append(
            f"| {title} | {s['n']:,} | {s['accuracy']:.4f} {interval} | {s['f1_macro']:.4f} "
            f"| {s['log_loss']:.3f} | {s['ece']:.3f} |"
        )
    return "\n".join(lines)


def _class_table(scores: Mapping[str, Any], labels: tuple[str, ...]) -> str:
    lines = [
        "| class | recall, PublicTest | precision | recall, PrivateTest | precision |",
        "|---|---|---|---|---|",
    ]
    for label in labels:
        cells = [
            f"{scores[split]['per_class'][label][score]:.3f}"
            for split in ("val", "test")
            for score in ("recall", "precision")
        ]
        lines.append(f"| {label} | {' | '.join(cells)} |")
    return "\n".join(lines)
