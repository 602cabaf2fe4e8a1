"""The claim decoder: which honest accuracy would each known mistake turn into a printed figure?

For every mistake there is a function from the honest accuracy to the figure that it prints, or
its inverse, with the derivation. `decode` applies the inverses to a figure and holds the answers
against what people and published models reach on FER-2013. A match shows that a figure is
consistent with a mistake; it never shows that the mistake was made.
"""

import math

from ferflow.claims.verdict import (
    CEILING_CLASSES,
    ENSEMBLES,
    HUMAN,
    MAJORITY,
    SINGLE,
    Kind,
    Reading,
    Verdict,
)
from ferflow.core.errors import FerflowError

MERGED_VALIDATION = 3589 / 7178  # PublicTest trained on, PublicTest and PrivateTest scored
EXACT_COPIES = 568 / 7178  # official test images with an identical one in Training, measured
FIVE_CLASSES = 1 - (55 + 416) / 3589  # PrivateTest without disgust and surprise, as in paper 3
N_TEST = 3589  # images of PrivateTest
N_CHOICES = 100  # epochs or settings to choose from, a usual number
MAX_IMAGES = 10**9


def one_vs_rest(accuracy: float, n_classes: int) -> float:
    """The mean over the classes of the accuracy of "is it this class?", decided by arg-max.

    Each of n images makes c yes/no decisions. A right image has c right ones. A wrong image has
    two wrong ones: its true class is denied, the predicted one affirmed. So of n c decisions
    2 n (1 - a) are wrong, and the mean is 1 - 2 (1 - a) / c. (Decided by a threshold of 0.5, as
    Keras' `binary_accuracy` does, an image without a class above 0.5 has one wrong decision
    instead of two; then accuracy alone does not determine the figure.)

    accuracy : 0 to 1. n_classes : c, from 2. Returns a number from 1 - 2 / c to 1.
    """
    return 1 - 2 * (1 - accuracy) / n_classes


def accuracy_under_one_vs_rest(figure: float, n_classes: int) -> float:
    """The inverse of `one_vs_rest`: a = 1 - c (1 - x) / 2; below 0 if no accuracy gives x."""
    return 1 - n_classes * (1 - figure) / 2


def partly_trained_on(accuracy: float, share: float, fit: float = 1.0) -> float:
    """The figure where a share of the scored images, or copies of them, was trained on.

    Those are answered as well as the model fits its training images (`fit`), the others as well
    as any unseen ones: x = s f + (1 - s) a. Share 1 is scoring on the training images, 1/2 is
    paper 2's merged validation split.

    accuracy, share, fit : 0 to 1, as is the result.
    """
    return share * fit + (1 - share) * accuracy


def accuracy_under_training(figure: float, share: float, fit: float = 1.0) -> float:
    """The inverse of `partly_trained_on` for a share below 1: a = (x - s f) / (1 - s)."""
    return (figure - share * fit) / (1 - share)


def share_trained_on(figure: float, accuracy: float, fit: float = 1.0) -> float:
    """The share of trained-on images that lifts an accuracy to a figure: (x - a) / (f - a).

    `partly_trained_on` solved for s; above 1 where even all of them do not suffice.
    """
    return (figure - accuracy) / (fit - accuracy)


def accuracy_under_dropping(figure: float, kept: float) -> float:
    """The least accuracy on all images that lets a kept share of them score x: a >= k x.

    The best case for whoever drops images is that the model had every dropped one wrong: its
    a n right answers are then a n of the k n kept ones, x = a / k. In any other case right
    answers were dropped too, and a is larger.
    """
    return kept * figure


def accuracy_under_selection(
    figure: float, n_choices: int = N_CHOICES, n_images: int = N_TEST
) -> float:
    """The least accuracy of k models of which the one that scores best on the test split gets x.

    A score on n images scatters with deviation s = sqrt(a (1 - a) / n) about its model's
    accuracy; the largest of k such scores exceeds it by s sqrt(2 ln k) at most in the mean
    (Boucheron, Lugosi and Massart, Concentration inequalities, 2013, theorem 2.5), and by less
    where the models are alike, as epochs are. s is taken at a = x.
    """
    deviation = math.sqrt(figure * (1 - figure) / n_images)
    return figure - deviation * math.sqrt(2 * math.log(n_choices))


def parse_figure(text: str) -> float:
    """'0.8829' or '88.29%' (also '88.29 %') as a share, 0 to 1."""
    word = text.strip()
    percent = word.endswith("%")
    try:
        value = float(word.removesuffix("%"))
    except ValueError:
        raise FerflowError(
            f"a figure is a share such as 0.8829 or a percentage such as 88.29%; got {text!r}."
        ) from None
    if percent:
        value /= 100
    if not 0 <= value <= 1:  # nan compares false, too
        hint = f" Did you mean {word}%?" if not percent and 1 < value <= 100 else ""
        raise FerflowError(f"an accuracy must be from 0 to 1 (0% to 100%); got {text!r}.{hint}")
    return value


def decode(
    figure: float, n_classes: int = 7, *, n_images: int = N_TEST, fit: float = 1.0
) -> Verdict:
    """The verdict on an accuracy claimed on FER-2013, and the mistakes that could print it.

    figure : 0 to 1. n_classes : from 2, what the system tells apart. n_images : from 1, the test
    images that it was measured on. fit : accuracy on training images, 0 to 1. Raises FerflowError
    outside these.
    """
    if n_classes < 2:
        raise FerflowError(f"the number of classes must be at least 2; got {n_classes}.")
    if not 1 <= n_images <= MAX_IMAGES:
        raise FerflowError(
            f"the number of test images must be 1 to {MAX_IMAGES:,}; got {n_images}."
        )
    if not (0 <= figure <= 1 and 0 <= fit <= 1):
        raise FerflowError(f"figure and fit must be from 0 to 1; got {figure} and {fit}.")
    kind = kind_of(figure, n_classes)
    readings: tuple[Reading, ...] = ()
    if kind not in (Kind.BELOW, Kind.POSSIBLE) or figure > SINGLE[1]:
        ways = _ways(figure, n_classes, n_images, fit)
        readings = tuple(_reading(n_classes, *way) for way in ways)
    return Verdict(
        claimed=figure,
        kind=kind,
        n_classes=n_classes,
        n_images=n_images,
        about=f"{n_classes} classes",
        readings=readings,
        share=lifting_share(figure, SINGLE[1], fit) if n_classes == CEILING_CLASSES else None,
    )


def kind_of(figure: float, n_classes: int) -> Kind:
    """Below guessing, possible, above what is published, or (not 7 classes) without a ceiling."""
    if figure < 1 / n_classes:
        return Kind.BELOW
    if n_classes != CEILING_CLASSES:
        return Kind.NO_CEILING
    return Kind.POSSIBLE if figure <= ENSEMBLES[1] else Kind.ABOVE


def lifting_share(figure: float, accuracy: float, fit: float = 1.0) -> float | None:
    """`share_trained_on`, or None if the figure needs no such thing or even all do not do."""
    if fit <= accuracy:
        return None
    share = share_trained_on(figure, accuracy, fit)
    return share if 0 < share <= 1 else None


def _ways(
    figure: float, n_classes: int, n_images: int, fit: float
) -> list[tuple[str, str, float, bool]]:
    """(mistake, what it does, the accuracy that it needs, whether that is a bound).

    Those that follow from the classes and images alone; for seven classes also those of FER-2013.
    """
    ovr = accuracy_under_one_vs_rest(figure, n_classes)
    chosen = accuracy_under_selection(figure, n_images=n_images)
    ways = [
        ("one_vs_rest", f"mean accuracy of {n_classes} yes/no decisions", ovr, False),
        ("select_on_test", f"the best of {N_CHOICES} by its test score", chosen, True),
    ]
    if n_classes != CEILING_CLASSES:
        return ways
    merged = accuracy_under_training(figure, MERGED_VALIDATION, fit)
    leaky = accuracy_under_training(figure, EXACT_COPIES, fit)
    dropped = accuracy_under_dropping(figure, FIVE_CLASSES)
    return [
        *ways,
        ("score_on_merged_validation", "half of the scored images trained on", merged, False),
        ("leaky_splits", "568 of 7,178 official test images are in Training, too", leaky, False),
        (
            "drop_hard_classes",
            "two classes left out; at best with every error",
            dropped,
            True,
        ),
    ]


def reach(accuracy: float, n_classes: int) -> str:
    """Whose accuracy this would be, in words."""
    if accuracy < 1 / n_classes:
        return "below guessing"
    if n_classes != CEILING_CLASSES:
        return f"no ceiling is known for {n_classes} classes"
    if accuracy < MAJORITY:
        return "less than naming every image happy"
    if accuracy < HUMAN[0]:
        return "many models"
    if accuracy <= SINGLE[1]:
        return (
            "good single networks, people" if accuracy <= HUMAN[1] else "the best single networks"
        )
    return "ensembles only" if accuracy <= ENSEMBLES[1] else "above every published figure"


def _reading(n_classes: int, mistake: str, how: str, needed: float, at_least: bool) -> Reading:
    if not 0 <= needed <= 1:
        return Reading(mistake, how, None, at_least, "no accuracy gives this figure", False)
    ceiling = ENSEMBLES[1] if n_classes == CEILING_CLASSES else 1.0
    plausible = (at_least or needed >= 1 / n_classes) and needed <= ceiling
    return Reading(mistake, how, needed, at_least, reach(needed, n_classes), plausible)
