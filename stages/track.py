"""Stage 9: mirror the run in MLflow. A failure here is a warning: `ferflow track` makes it good."""

import sys

from ferflow.core.stage import run_stage


def main() -> None:
    try:
        from ferflow.tracking.track import track_last_run

        print(track_last_run())
    except Exception as error:  # the results are there: MLflow out of reach must not lose them
        print(f"warning: not tracked ({error}). `ferflow track` tries again.", file=sys.stderr)


if __name__ == "__main__":
    run_stage(main)
