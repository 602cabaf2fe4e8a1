"""The registry of the papers: every claim is complete, and every preset of a paper has one."""

import numpy as np
import pytest
from pydantic import ValidationError

from ferflow.claims import registry
from ferflow.claims.confusion import read_matrix
from ferflow.claims.registry import (
    Claim,
    Paper,
    claim_text,
    claims_of,
    digits,
    load_papers,
    paper_of,
)
from ferflow.core.errors import DataError
from ferflow.settings.presets import load_preset, preset_names

PAPERS = load_papers()


def test_there_are_five_papers_numbered_from_one():
    assert [paper.number for paper in PAPERS.values()] == [1, 2, 3, 4, 5]


def test_every_claimed_accuracy_of_the_specification_is_there():
    claimed = {
        (claim.preset, claim.values["accuracy"]) for p in PAPERS.values() for claim in p.claims
    }
    assert claimed == {
        ("mobilenet-aco-rf-nosmote", 0.350),
        ("mobilenet-aco-rf", 0.497),
        ("fernet", 0.7306),
        ("fernet", 0.8829),
        ("sepconv-five", 0.8778),
        ("sepconv-ckplus", 0.99),
        ("svm", 0.38),
        ("svm-ckplus", 0.97),
        ("allconv", 0.9471),
        ("widekernel", 0.883),
        ("allconv-modified", 0.9916),
        ("widekernel-modified", 0.898),
        ("littlevgg", 0.628),
        ("littlevgg", 0.6435),
    }


def test_paper_1s_averages_are_weighted_as_its_recall_shows():
    for claim in PAPERS["mobilenet-aco"].claims:
        assert claim.values["recall_weighted"] == pytest.approx(
            claim.values["accuracy"], abs=0.0011
        )
        assert "weighted" in claim.averaging


@pytest.mark.usefixtures("workplace")
def test_a_preset_that_names_a_paper_implements_one_of_its_claims():
    for name in preset_names():
        if key := load_preset(name).paper:
            paper = PAPERS[key]
            assert name in {*(claim.preset for claim in paper.claims), *paper.variants}
        else:
            assert claims_of(name) == []


@pytest.mark.parametrize("paper", PAPERS.values(), ids=PAPERS)
def test_every_paper_leaves_something_open_and_we_say_how_we_read_it(paper):
    assert paper.open
    assert all(point.reading for point in paper.open)


def test_printed_matrices_have_the_sizes_that_the_papers_name():
    sizes = {
        matrix.file: int(read_matrix(matrix.path).counts.sum())
        for paper in PAPERS.values()
        for matrix in paper.matrices
    }
    assert sizes == {"fernet_train.csv": 25874, "fernet_test.csv": 7178, "littlevgg_test.csv": 7066}


def test_paper_2s_test_matrix_holds_publictest_and_privatetest_together():
    matrix = read_matrix(PAPERS["fernet-cnn"].matrices[1].path)
    public = np.array([467, 56, 496, 895, 607, 653, 415])
    private = np.array([491, 55, 528, 879, 626, 594, 416])
    assert np.array_equal(matrix.counts.sum(axis=1), public + private)


@pytest.mark.parametrize("values", [{"acuracy": 0.5}, {"accuracy": 50.0}, {}])
def test_an_impossible_claim_is_refused(values):
    about = {"system": "x", "preset": "x", "data_set": "x", "stated": "x", "n_images": 1}
    Claim(**about, values={"accuracy": 0.5})
    with pytest.raises(ValidationError):
        Claim(**about, values=values)


def test_figures_keep_the_digits_that_the_papers_print():
    assert [digits(v) for v in (0.35, 0.497, 0.8829, 0.38)] == ["0.350", "0.497", "0.8829", "0.380"]
    assert claim_text(claims_of("fernet")[1]) == "accuracy 0.8829"


ABOUT = {"system": "x", "preset": "x", "data_set": "x", "stated": "x", "values": {"accuracy": 1}}


def test_what_a_claim_is_unless_it_says_otherwise():
    claim = Claim(**ABOUT, n_images=1)
    assert (claim.n_classes, claim.split, claim.fer2013) == (7, "test", True)
    assert (claim.n_images_assumed, claim.caveat, claim.averaging, claim.range) == (
        False,
        None,
        None,
        None,
    )
    assert Claim(**ABOUT, n_images=1, n_classes=2, range=[0.1, 0.2]).range == (0.1, 0.2)
    for odd in ({"n_images": 0}, {"n_classes": 1}, {"split": "train"}, {"range": [0.1]}):
        with pytest.raises(ValidationError):
            Claim(**ABOUT | {"n_images": 1} | odd)


@pytest.mark.parametrize("value", [-0.001, 1.001])
def test_a_figure_beyond_0_to_1_is_named(value):
    with pytest.raises(ValidationError, match=f"f1_macro: {value} must be one of .*, from 0 to 1"):
        Claim(**ABOUT | {"values": {"accuracy": 0, "f1_macro": value}}, n_images=1)


def paper(number=1, **about):
    content = {"number": number, "title": "T", "kind": "journal article", "system": "s"}
    return content | {"claims": [ABOUT | {"n_images": 1}], "open": []} | about


@pytest.mark.parametrize(
    ("about", "reference"),
    [
        ({}, "T. Journal article."),
        ({"year": 2020}, "T. Journal article."),
        ({"authors": "A and B"}, "A and B: T. Journal article."),
        ({"authors": "A and B", "year": 2020}, "A and B (2020): T. Journal article."),
    ],
)
def test_a_reference_leaves_out_what_is_not_known(about, reference):
    assert Paper(key="k", **paper(**about)).reference == reference


def test_papers_come_by_their_numbers_and_a_wrong_file_is_named(monkeypatch):
    monkeypatch.setattr(registry, "read_yaml", lambda _: {"b": paper(2), "a": paper(1)})
    assert list(load_papers.__wrapped__()) == ["a", "b"]
    monkeypatch.setattr(registry, "read_yaml", lambda _: {"a": paper(epochs=0)})
    with pytest.raises(DataError, match=r"^papers\.yaml: 1 validation error for Paper\nepochs"):
        load_papers.__wrapped__()


def test_a_presets_paper_is_that_of_its_claims_or_variants():
    assert paper_of("fernet").number == 2
    varied = next(each for each in PAPERS.values() if each.variants)
    assert paper_of(varied.variants[0]) is varied
    assert paper_of("quickstart") is None


def test_all_figures_of_a_claim_in_a_line():
    claim = Claim(**ABOUT | {"values": {"accuracy": 1, "f1_macro": 0.1234}}, n_images=1)
    assert claim_text(claim) == "accuracy 1.000; F1, macro 0.1234"
