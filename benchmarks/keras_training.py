"""Makes tests/kept/keras_training.json: what Keras computes where our training has its meaning.

usage: KERAS_BACKEND=torch python -m benchmarks.keras_training [--to FILE]

Needs an environment of its own: `pip install keras==3.15.1 torch==2.13.0`. Losses, steps of the
optimisers, decisions of two callbacks, batch norm's moving statistics and the first weights, each
on small given numbers that stand beside the answer. tests/test_keras_training.py compares ours.
"""

import argparse
import json
from pathlib import Path
from typing import Any

import keras
import numpy as np

FILE = Path("tests/kept/keras_training.json")
LOGITS = [[2.0, -1.0, 0.5], [0.3, 0.2, 0.1], [-1.0, 3.0, 0.0], [1.0, 1.0, -2.0], [0.0, -0.5, 4.0]]
CLASSES = [0, 2, 1, 0, 0]
FIRST = [0.5, -0.3, 0.2, 0.0, 1.0]
# from far below Adam's epsilon to far above it, signs changing
GRADIENTS = [[g * s for g in (3e-9, 2e-7, 1e-5, 1e-3, 2.0)] for s in (1.0, 0.5, -0.7, 0.2, 1.3)]
OPTIMIZERS: dict[str, Any] = {
    "sgd": lambda: keras.optimizers.SGD(0.01, momentum=0.9, nesterov=True),
    "adam": lambda: keras.optimizers.Adam(0.01),
    "adamw": lambda: keras.optimizers.AdamW(0.01, weight_decay=0.1),
}
# of an epoch's end; 0.79995 is better than 0.8 by half of the plateau's min_delta
VAL_LOSS = [1.0, 0.9, 0.95, 0.8, 0.79995, 0.79992, 0.85, 0.7, 0.7, 0.6999, 0.71, 0.72, 0.73, 0.74]
RULES = [
    {"patience": 1, "min_delta": 0.0},
    {"patience": 2, "min_delta": 0.0},
    {"patience": 2, "min_delta": 0.0001},
    {"patience": 3, "min_delta": 0.0001},
    {"patience": 4, "min_delta": 0.15},
]
PATIENCES = (1, 2, 3)
SHAPES = {"dense": (4, 2), "maps": (2, 3, 2, 2)}  # of a batch: (n, width), (n, height, width, c)
FIRST_WEIGHTS = [(2304, 64), (3, 3, 16, 32), (3, 1, 64, 64)]


def main() -> None:
    """Write the file."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--to", type=Path, default=FILE)
    keras.utils.set_random_seed(0)
    found = {
        "made_by": f"benchmarks/keras_training.py, keras {keras.__version__}",
        "losses": losses(),
        "optimizers": {name: steps(make()) for name, make in OPTIMIZERS.items()},
        "val_loss": VAL_LOSS,
        "early_stopping": [early_stopping(**rule) for rule in RULES],
        "plateau": [plateau(patience) for patience in PATIENCES],
        "batch_norm": {name: moving(shape) for name, shape in SHAPES.items()},
        "first_weights": [first_weights(shape) for shape in FIRST_WEIGHTS],
    }
    lines = [f"{json.dumps(key)}: {json.dumps(value)}" for key, value in found.items()]
    parser.parse_args().to.write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")


def losses() -> dict[str, Any]:
    """A batch's training loss, with and without balanced class weights and label smoothing."""
    n, counts = len(CLASSES), np.bincount(CLASSES)
    balanced = {k: n / (len(counts) * count) for k, count in enumerate(counts.tolist())}
    rows = []
    for smoothing in (0.0, 0.2):
        for weights in (None, balanced):
            model = keras.Sequential([keras.Input((3,)), keras.layers.Activation("linear")])
            loss = keras.losses.CategoricalCrossentropy(from_logits=True, label_smoothing=smoothing)
            model.compile(loss=loss)
            answer = model.train_on_batch(
                np.array(LOGITS), np.eye(3)[CLASSES], class_weight=weights
            )
            rows.append(
                {
                    "label_smoothing": smoothing,
                    "class_weight": weights and "balanced",
                    "loss": float(answer),
                }
            )
    return {"logits": LOGITS, "classes": CLASSES, "rows": rows}


def steps(optimizer: Any) -> dict[str, Any]:
    """Where weights stand after each of five steps along given gradients."""
    weights = keras.Variable(np.array(FIRST, np.float32))
    after = []
    for gradient in GRADIENTS:
        optimizer.apply([keras.ops.convert_to_tensor(np.array(gradient, np.float32))], [weights])
        after.append(numbers(weights))
    return {"first": FIRST, "gradients": GRADIENTS, "after": after}


def early_stopping(patience: int, min_delta: float) -> dict[str, Any]:
    """Epochs that were run, and the one whose weights are restored; of a loss."""
    rule = keras.callbacks.EarlyStopping(
        "val_loss", min_delta=min_delta, patience=patience, restore_best_weights=True
    )
    model = one_weight(rule)
    rule.on_train_begin()
    for epoch, loss in enumerate(VAL_LOSS):
        model.set_weights([np.array([[epoch + 1.0]])])
        rule.on_epoch_end(epoch, {"val_loss": loss})
        if model.stop_training:
            break
    rule.on_train_end()
    restored = int(model.get_weights()[0][0, 0])
    return {"patience": patience, "min_delta": min_delta, "epochs": epoch + 1, "chosen": restored}


def plateau(patience: int) -> dict[str, Any]:
    """The learning rate after each epoch, beginning with 1, by the callback's own defaults."""
    rule = keras.callbacks.ReduceLROnPlateau("val_loss", patience=patience)
    model = one_weight(rule)
    rule.on_train_begin()
    rates = []
    for epoch, loss in enumerate(VAL_LOSS):
        rule.on_epoch_end(epoch, {"val_loss": loss})
        rates.append(float(f"{float(model.optimizer.learning_rate):.6g}"))
    return {"patience": patience, "rates": rates}


def one_weight(callback: Any) -> Any:
    """A model with a single weight, handed to a callback."""
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1, use_bias=False)])
    model.compile(keras.optimizers.SGD(1.0), "mse")
    model.stop_training = False
    callback.set_model(model)
    return model


def moving(shape: tuple[int, ...]) -> dict[str, Any]:
    """Moving mean and variance after three batches, channels last, and the last one's output."""
    layer = keras.layers.BatchNormalization()
    rng = np.random.default_rng(0)
    batches = [rng.normal(k, 1 + k, shape).round(2) for k in range(3)]
    for batch in batches:
        out = layer(batch, training=True)
    return {
        "batches": [batch.tolist() for batch in batches],
        "mean": numbers(layer.moving_mean),
        "variance": numbers(layer.moving_variance),
        "output": numbers(out),
    }


def first_weights(shape: tuple[int, ...]) -> dict[str, Any]:
    """The largest of a layer's first weights, which are drawn evenly about 0, and their spread."""
    layer = keras.layers.Dense(1) if len(shape) == 2 else keras.layers.Conv2D(1, 1)
    drawn = np.array(numbers(layer.kernel_initializer(shape)))
    return {"shape": shape, "largest": float(np.abs(drawn).max()), "std": float(drawn.std())}


def numbers(values: Any) -> Any:
    """Nested lists of what a variable or a tensor holds."""
    return np.asarray(keras.ops.convert_to_numpy(values)).astype(float).tolist()


if __name__ == "__main__":
    main()
