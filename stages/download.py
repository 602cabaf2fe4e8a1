"""Stage 1: the images of all three splits, as they come from the source."""

import sys
from pathlib import Path

from ferflow.core.files import write_json
from ferflow.core.params import load_params, load_seed
from ferflow.core.split import save_split
from ferflow.core.stage import run_stage
from ferflow.core.tables import write_table
from ferflow.download.params import DataParams
from ferflow.download.sources import describe, load_data


def main(target: Path, metrics: Path) -> None:
    data = load_data(load_params("data", DataParams), load_seed())
    for name, split in data.splits.items():
        save_split(target / f"{name}.safetensors", split)
    write_table(target / "defects.csv", data.defects)
    write_json(metrics, {"data": data.report})
    print(describe(data.splits))
    for warning in data.report["warnings"]:
        print(f"warning: {warning}", file=sys.stderr)


if __name__ == "__main__":
    run_stage(main)
