"""How far one more run of a system may lie from the recorded ones: each scatter counted once."""

import math

from ferflow.claims.verdict import Z_975
from ferflow.records.record import RunRecord, are_folds, over_runs, student_t_975


def margin(group: list[RunRecord], values: list[float], images: float) -> float:
    """Half of the 95 % interval for a run's score about the mean of these, but for its images.

    values : a score of each run of `group`. images : half of the 95 % interval of one of them over
    its own test images. What the other run's test images do to its score is independent of all
    this: add it in squares.

    A run's score is the system's mean, plus what its test images do to it, plus what training does
    (the seed, the training rows). Between the mean of k recorded runs and one more run lie what
    images and training do to that mean, and what training does to the other run.

    One run: what training does cannot be told from it and is left out. The margin is `images`.

    Seeds share their test images, so the standard deviation s over seeds is what training does
    alone, and with Student's quantile t of k - 1 degrees of freedom the squared margin is
    images**2 + t**2 s**2 / k + t**2 s**2.

    Folds have test images of their own, so s holds what images do, too, and the interval of their
    mean (`over_runs`, after Nadeau and Bengio 2003) covers both. What is left of s**2 without the
    images, at least 0, is what training does to the other run: the squared margin is
    half_interval_of_mean**2 + t**2 max(0, s**2 - (images / 1.96)**2).
    """
    if len(values) == 1:
        return images
    summary = over_runs(group, values)
    t, deviation = student_t_975(len(values)), float(summary["sd"])
    of_mean = (float(summary["high"]) - float(summary["low"])) / 2
    if not are_folds(group):
        return math.hypot(images, of_mean, t * deviation)
    training = math.sqrt(max(0.0, deviation**2 - (images / Z_975) ** 2))
    return math.hypot(of_mean, t * training)
