"""A small training by several ranks, started as the stage `train` starts them.

    python tests/ranks_training.py WORK EPOCHS CHANGES

WORK/scratch keeps the checkpoint; rank 0 writes WORK/done: weights.safetensors, about.json.
"""

import json
from dataclasses import replace
from pathlib import Path

from network_data import faces, params, weights
from safetensors.torch import save_file
from training_rows import training_data

from ferflow.core.own_rank import rank
from ferflow.core.stage import run_stage
from ferflow.training.families.network.family import fit
from ferflow.training.shared.launch import joined, start_ranks

N = 50  # in batches of 16; the last one, of two rows, is one rank's
PLAIN = {  # no batch norm
    "architecture": "allconv",
    "options": {},
    "batch_size": 16,
    "schedule": "constant",
    "learning_rate": 0.02,
}


def trained(work, epochs, allow_local_batch_norm=False, **changes):
    """Fitted on faces of three classes, of which one is rarer; others are val."""
    x, y = faces(80)
    kept = [*range(N // 2), *[k for k in range(N // 2, 80) if y[k] != 1]][:N]
    data = training_data(x[kept], y[kept], val=faces(31, 1), scratch=work / "scratch")
    data = replace(data, local_batch_norm=allow_local_batch_norm)
    return fit(data, params(**PLAIN | changes | {"epochs": epochs}), 0)


def main(work: Path, epochs: Path, changes: Path) -> None:
    start_ranks("network")
    with joined("network", "cpu"):
        fitted = trained(work, int(str(epochs)), **json.loads(str(changes)))
    if rank() == 0:
        (work / "done").mkdir()
        kept = {name: tensor.contiguous() for name, tensor in weights(fitted).items()}
        save_file(kept, work / "done/weights.safetensors")
        about = fitted.about | {"curve": fitted.curve.to_dict("list")}
        (work / "done/about.json").write_text(json.dumps(about))


if __name__ == "__main__":
    run_stage(main)
