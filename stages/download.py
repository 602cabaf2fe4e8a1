"""Stage 1: the images of all three splits, as they come from the source."""

import sys
from pathlib import Path

from ferflow.artifacts import save_split, write_json
from ferflow.data.sources import DataParams, describe, load_data
from ferflow.params import load_params, load_seed
from ferflow.stage import run_stage


def main(target: Path, metrics: Path) -> None:
    splits, report = load_data(load_params("data", DataParams), load_seed())
    for name, split in splits.items():
        save_split(target / f"{name}.safetensors", split)
    write_json(metrics, {"data": report})
    print(describe(splits))
    for warning in report["warnings"]:
        print(f"warning: {warning}", file=sys.stderr)


if __name__ == "__main__":
    run_stage(main)
