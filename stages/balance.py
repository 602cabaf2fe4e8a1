"""Stage 5: even out the sizes of the classes among the training rows."""

from pathlib import Path

from ferflow.balance.params import BalanceParams
from ferflow.balance.resample import balance, count_rows, without_new_rows
from ferflow.core.files import pass_through, write_json
from ferflow.core.params import load_params, load_seed
from ferflow.core.split import load_split, save_split
from ferflow.core.stage import run_stage


def main(source: Path, target: Path, kept_file: Path, metrics: Path) -> None:
    params = load_params("balance", BalanceParams)
    split = load_split(source)
    balanced = balance(split, params, seed=load_seed())
    if params.method == "none":
        pass_through(source, target)
    else:
        save_split(target, balanced)
    kept = without_new_rows(balanced)
    if len(kept) == len(
        split
    ):  # the same bytes, whatever made new rows: what reads them is not run
        pass_through(source, kept_file)
    else:
        save_split(kept_file, kept)
    write_json(metrics, {"balance": count_rows(split, balanced, params.method)})
    print(f"train: {len(split):,} rows before, {len(balanced):,} after ({params.method})")


if __name__ == "__main__":
    run_stage(main)
