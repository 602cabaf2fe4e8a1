"""A verdict's words for what no claim on record has: bounds, shares, presets without a scatter."""

import pytest

from ferflow.claims.by_heart import is_by_heart
from ferflow.claims.verdict import MAJORITY, Beside, Kind, Reading, Verdict

ABOVE = "above every published honest figure"


def above(**fields):
    return Verdict(claimed=0.9, kind=Kind.ABOVE, n_classes=7, n_images=3589, **fields)


def reading(needed):
    return Reading("one_vs_rest", "how", needed, False, "somebody", True)


def test_a_preset_without_a_scatter_differs_by_so_much():
    beside = Beside(side=None, reached=0.84, unfinished=False)
    verdict = above(preset="svm", recorded=True, beside=beside)
    assert verdict.short == f"{ABOVE}; its preset differs by +0.060"
    assert verdict.long.endswith(" Its preset `svm` differs by +0.060.")
    beside = Beside(side=None, reached=0.95, unfinished=True)
    verdict = above(preset="svm", recorded=True, beside=beside)
    assert verdict.short == f"{ABOVE}; its preset differs by -0.050, unfinished as it is"
    assert verdict.long.endswith(" Its preset `svm` differs by -0.050, unfinished as it is.")


def test_a_mistake_is_offered_up_to_the_best_published_accuracy_and_with_it():
    single, ensemble = above(readings=(reading(0.74),)), above(readings=(reading(0.77),))
    assert single.short == f"{ABOVE}; consistent with `one_vs_rest` of 0.740"
    assert ensemble.short == ABOVE, "the short form names what a single network reaches"
    assert "`one_vs_rest` of 0.770 (somebody); a match proves nothing." in ensemble.long
    assert "one_vs_rest" not in above(readings=(reading(0.7701),)).long


def test_the_share_of_images_that_were_trained_on_by_a_network_and_by_the_preset():
    beside = Beside(side=1, reached=0.664, unfinished=False, share=0.7)
    verdict = above(share=0.62, preset="littlevgg", recorded=True, beside=beside)
    share = "at least 62 % of the scored images trained on"
    assert verdict.short == (
        f"{ABOVE}; consistent with {share} (70 % by its preset); out of its preset's reach"
    )
    assert f"{share} (by a network of 0.74, 70 % by one of 0.664);" in verdict.long


def test_a_share_is_told_above_half_a_percent_and_is_all_from_there_to_the_whole():
    assert "trained on" not in above(share=0.005).long, "which would be 0 %"
    assert "at least 1 % of the scored images" in above(share=0.0051).long
    assert "at least 99 % of the scored images" in above(share=0.9949).long
    assert "consistent with all of the scored images" in above(share=0.995).long


def test_a_preset_within_the_scatter_reaches_the_same():
    beside = Beside(side=0, reached=0.9, unfinished=False)
    verdict = above(preset="svm", recorded=True, beside=beside)
    assert verdict.short == f"{ABOVE}; consistent with its preset"
    assert verdict.long.endswith(" Its preset `svm` reaches the same within the scatter (0.900).")


@pytest.mark.parametrize(
    ("likened", "words"),
    [
        (("a",), "`a`"),
        (("a", "b"), "`a` or `b`"),
        (("a", "b", "c"), "`a`, `b` or `c`"),
    ],
)
def test_the_presets_mistakes_that_print_the_claim_are_named(likened, words):
    beside = Beside(side=1, reached=0.7, unfinished=False, likened=likened)
    verdict = above(preset="svm", recorded=True, beside=beside)
    assert verdict.short.endswith(f"out of its preset's reach; with {words} the preset prints this")
    assert verdict.long.endswith(f"With {words} the preset prints the same within the scatter.")


def test_without_such_a_mistake_nothing_of_it_is_said():
    beside = Beside(side=1, reached=0.7, unfinished=False)
    verdict = above(preset="svm", recorded=True, beside=beside)
    assert verdict.short == f"{ABOVE}; out of its preset's reach"
    assert verdict.long.endswith(" Its preset `svm` does not reach it (0.700).")


def test_labels_are_known_by_heart_above_six_tenths():
    assert [is_by_heart(low) for low in (0.6, 0.6001)] == [False, True]


def possible(claimed):
    return Verdict(claimed=claimed, kind=Kind.POSSIBLE, n_classes=7, n_images=3589)


def test_a_single_networks_figure_may_be_chance():
    """1.96 sqrt(0.74 x 0.26 / 3589) is 0.0144."""
    chance = (
        "It exceeds the best single network by less than such a figure scatters on 3,589 images "
        "(± 0.014)."
    )
    assert chance in possible(0.754).long
    assert "scatters" not in possible(0.755).long


def test_less_than_the_majority_class_is_less_and_not_equal():
    assert "less than naming every image" not in possible(MAJORITY).long
    assert "less than naming every image" in possible(MAJORITY - 1e-9).long
