"""Before the chain: refuse a params.yaml in which anything, for whatever stage, is not legal."""

from pathlib import Path

from ferflow.core.files import atomic
from ferflow.core.params import PARAMS_FILE, read_yaml
from ferflow.core.stage import run_stage
from ferflow.settings.check import check_params, check_pictures


def main(verdict: Path) -> None:
    params = read_yaml(PARAMS_FILE)
    check_params(params)
    check_pictures(params)
    with atomic(verdict) as part:
        part.write_text(f"{PARAMS_FILE} is in order.\n", encoding="utf-8", newline="\n")


if __name__ == "__main__":
    run_stage(main)
