"""Stage 5: fill up the rare classes of the training rows."""

from pathlib import Path

from ferflow.artifacts import load_split, pass_through, save_split
from ferflow.data.balance import BalanceParams, balance
from ferflow.params import load_params, load_seed
from ferflow.stage import run_stage


def main(source: Path, target: Path) -> None:
    params = load_params("balance", BalanceParams)
    if params.method == "none":
        pass_through(source, target)
        return
    split = load_split(source)
    balanced = balance(split, params, seed=load_seed())
    save_split(target, balanced)
    print(f"train: {len(split):,} rows before, {len(balanced):,} after {params.method}")


if __name__ == "__main__":
    run_stage(main)
