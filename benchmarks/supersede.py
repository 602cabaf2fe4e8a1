"""Puts a preset's records aside when the preset changes: they stay in Git, out of every table.

usage: python -m benchmarks.supersede PRESET COMMIT

The honest records and the mistakes of PRESET get the variant `as-of-COMMIT`, the last commit whose
preset they are of, and its sweep's table the same words in its name. `ferflow compare` finds them
by their names; `ferflow report` leaves them out.
"""

import argparse

from ferflow.records.record import SUPERSEDED, load_records, save_figures, summary_file
from ferflow.runs.sweep import SWEEPS


def main() -> None:
    """Rename the files, print their new names."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("preset")
    parser.add_argument("commit")
    options = parser.parse_args()
    variant = f"{SUPERSEDED}{options.commit}"
    for record in load_records():
        if record.preset != options.preset or record.variant:
            continue
        moved = record.model_copy(update={"variant": variant})
        if record.file("parquet").exists():
            record.file("parquet").rename(moved.file("parquet"))
        record.file("json").unlink()
        summary_file(record).unlink(missing_ok=True)
        print(save_figures(moved).name)
    sweep = SWEEPS / f"{options.preset}.csv"
    if sweep.exists():
        print(sweep.rename(sweep.with_stem(f"{options.preset}-{variant}")))


if __name__ == "__main__":
    main()
