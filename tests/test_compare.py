"""Comparisons and ensembles of records, against hand counts, scipy and planted effects."""

import numpy as np
import pytest
from scipy.optimize import minimize
from scipy.stats import binomtest, t

from ferflow.core.errors import FerflowError
from ferflow.evaluation.metrics import split_metrics
from ferflow.records.compact import Answers
from ferflow.records.compare import common_images, compare, mcnemar
from ferflow.records.ensemble import greedy_weights, make_ensemble, mix, mixture_weights
from ferflow.records.record import load_records
from ferflow.records.record_run import record_run
from ferflow.report.models_table import on_official_splits

OTHER = "mobilenet-aco-rf-nosmote"


def by_score(comparison):
    return {difference.score: difference for difference in comparison.differences}


@pytest.mark.parametrize(("only_a", "only_b"), [(5, 15), (15, 5), (8, 8), (0, 6), (0, 0), (1, 0)])
def test_mcnemar_is_a_binomial_test_of_the_images_that_one_alone_has_right(only_a, only_b):
    a = np.array([1] * only_a + [0] * only_b + [1, 1, 0, 0], dtype=bool)
    b = np.array([0] * only_a + [1] * only_b + [1, 1, 0, 0], dtype=bool)
    found_a, found_b, exact, mid = mcnemar(a, b)
    assert (found_a, found_b) == (only_a, only_b)
    k = only_a + only_b
    assert exact == pytest.approx(binomtest(only_a, k).pvalue if k else 1)
    assert mid <= exact
    assert mid == pytest.approx(1) if only_a == only_b else 0 < mid < exact


def test_the_mid_p_of_a_published_example():
    # Fagerland et al. 2013, table 2 (airway hyper-responsiveness): 1 against 7 discordant pairs
    a = np.array([1] + [0] * 7, dtype=bool)
    _, _, exact, mid = mcnemar(a, ~a)
    assert exact == pytest.approx(0.0703, abs=5e-5)
    assert mid == pytest.approx(0.0391, abs=5e-5)


def test_mid_p_keeps_its_level_where_both_are_equal():
    rng = np.random.default_rng(0)
    a, b = rng.random((2, 1000, 200)) < 0.7
    p = np.array([mcnemar(x, y)[3] for x, y in zip(a, b, strict=True)])
    assert 0.03 < (p < 0.05).mean() < 0.07


def test_a_planted_difference_is_found_and_none_where_there_is_none(make_record):
    make_record(seed=0, accuracy=0.5)
    make_record(OTHER, seed=0, accuracy=0.75)
    make_record(OTHER, seed=2, accuracy=0.75)
    a, b, c = load_records()
    for comparison in compare([a], [b]):
        found = by_score(comparison)["accuracy"]
        assert found.low > 0.1 and found.low < found.difference < found.high
        assert found.a == pytest.approx(a.score(comparison.split, "accuracy"))
        assert found.b == pytest.approx(b.score(comparison.split, "accuracy"))
        (test,) = comparison.tests
        assert test.only_b - test.only_a == round(found.difference * comparison.n)
        assert test.mid_p < 1e-6
    for comparison in compare([b], [c]):
        assert by_score(comparison)["accuracy"].low < 0 < by_score(comparison)["accuracy"].high


def test_a_record_does_not_differ_from_itself(make_record):
    record = make_record()
    for comparison in compare([record], [record]):
        for found in comparison.differences:
            assert found.difference == found.low == found.high == 0


def test_groups_are_compared_by_their_means_seed_by_seed(make_record):
    for seed in range(3):
        make_record(seed=seed, accuracy=0.55)
        make_record(OTHER, seed=seed, accuracy=0.6)
    records = load_records()
    a, b = records[:3], records[3:]
    test = compare(a, b)[1]
    found = by_score(test)["f1_macro"]
    assert found.a == pytest.approx(np.mean([r.score("test", "f1_macro") for r in a]), abs=1e-9)
    assert [(one.a, one.b) for one in test.tests] == [
        (f"mobilenet-aco-rf/seed-{k}", f"{OTHER}/seed-{k}") for k in range(3)
    ]
    single = by_score(compare(a[:1], b[:1])[1])["f1_macro"]
    assert found.high - found.low < single.high - single.low


def test_the_scatter_of_few_seeds_is_not_made_small(make_record, make_answers):
    """Runs that differ in their seed alone, on images so many that they hardly scatter."""
    answers = [make_answers(n=5000, accuracy=a, seed=k) for k, a in enumerate((0.5, 0.6, 0.7))]
    a, b = (  # of other seeds, so that the groups are drawn apart
        [make_record(name, seed=first + k, answers={"test": s}) for k, s in enumerate(answers)]
        for name, first in (("mobilenet-aco-rf", 0), (OTHER, 10))
    )
    (found,) = compare(a, b)
    accuracy = by_score(found)["accuracy"]
    error = np.std([r.score("test", "accuracy") for r in a], ddof=1) * np.sqrt(1 / 3 + 1 / 3)
    assert accuracy.high - accuracy.low == pytest.approx(2 * 1.96 * error, rel=0.1)


def folds(make_record, make_answers, preset, accuracies, seed=0):
    """A group of folds, each with test images of its own."""
    return [
        make_record(
            preset,
            seed=seed,
            variant="3-folds",
            fold=k,
            n_folds=3,
            answers={"test": make_answers(n=200, accuracy=a, images=np.arange(200) + 200 * k)},
        )
        for k, a in enumerate(accuracies)
    ]


def test_folds_are_compared_fold_by_fold(make_record, make_answers):
    a = folds(make_record, make_answers, "mobilenet-aco-rf", (0.5, 0.6, 0.7))
    b = folds(make_record, make_answers, OTHER, (0.6, 0.7, 0.8))
    (found,) = compare(a, b)
    assert (found.n, found.n_a, len(found.tests)) == (600, 600, 3)
    values = [
        r.score("test", "accuracy") - q.score("test", "accuracy") for q, r in zip(a, b, strict=True)
    ]
    accuracy = by_score(found)["accuracy"]
    assert accuracy.difference == pytest.approx(np.mean(values))
    margin = t.ppf(0.975, 2) * np.std(values, ddof=1) * np.sqrt(1 / 3 + 1)
    assert accuracy.high - accuracy.difference == pytest.approx(margin)
    assert "Nadeau" in found.method
    (same,) = compare(a, a)
    assert by_score(same)["accuracy"].low == 0 == by_score(same)["accuracy"].high


def test_folds_are_not_compared_with_other_folds(make_record, make_answers):
    a = folds(make_record, make_answers, "mobilenet-aco-rf", (0.5, 0.6, 0.7))
    b = folds(make_record, make_answers, OTHER, (0.6, 0.7, 0.8), seed=1)
    with pytest.raises(FerflowError, match="the same folds"):
        compare(a, b)


def test_records_of_partly_the_same_images_are_compared_on_those(make_record, make_answers):
    one = make_answers(n=300)
    make_record(seed=0, answers={"test": one})
    make_record(seed=1, answers={"test": one.take(np.arange(50, 250))})
    a, b = load_records()
    (comparison,) = compare([a], [b])
    assert (comparison.n, comparison.n_a, comparison.n_b) == (200, 300, 200)
    assert by_score(comparison)["accuracy"].difference == 0


def test_what_cannot_be_paired_is_refused(make_answers):
    one = make_answers(n=50)
    with pytest.raises(FerflowError, match="no image in common"):
        common_images([one, make_answers(n=50, images=np.arange(50) + 100)], "test")
    with pytest.raises(FerflowError, match="different classes"):
        common_images([one, make_answers(n=50, labels=("happy", "sad"))], "test")
    other = Answers(one.image, (one.y + 1) % 3, one.p, one.labels)
    with pytest.raises(FerflowError, match="disagree about the images' classes"):
        common_images([one, other], "test")


def test_records_without_a_common_split_are_refused(make_record, make_answers):
    make_record(seed=0, answers={"val": make_answers()})
    make_record(seed=1, answers={"test": make_answers()})
    a, b = load_records()
    with pytest.raises(FerflowError, match="neither val nor test in common"):
        compare([a], [b])


def test_an_ensemble_is_the_mean_and_gets_a_record(make_record):
    members = [make_record(seed=seed, accuracy=0.55) for seed in range(3)]
    made = make_ensemble(members)
    assert made in load_records()
    assert made.members == {member.name: pytest.approx(1 / 3) for member in members}
    p = np.mean([member.answers()["test"].p for member in members], axis=0)
    y = members[0].answers()["test"].y
    assert made.score("test", "accuracy") == (p.argmax(axis=1) == y).mean()
    assert made.score("test", "accuracy") > max(m.score("test", "accuracy") for m in members)


def test_weights_are_those_of_the_least_log_loss_on_val(make_answers):
    models = [make_answers(n=500, accuracy=a, seed=k) for k, a in enumerate((0.5, 0.6, 0.7))]
    weights = mixture_weights(models)
    p = np.stack([m.p[np.arange(500), m.y] for m in models], axis=1)

    def loss(w):
        return -np.log(p @ w).mean()

    best = minimize(
        loss,
        np.full(3, 1 / 3),
        bounds=[(0, 1)] * 3,
        constraints={"type": "eq", "fun": lambda w: w.sum() - 1},
        tol=1e-12,
    )
    assert weights.sum() == pytest.approx(1)
    assert loss(weights) == pytest.approx(best.fun, abs=1e-7)


def test_members_are_added_while_more_answers_are_right():
    image, y, labels = np.arange(4), np.array([0, 1, 2, 0]), ("a", "b", "c")
    first = np.array([[0.6, 0.4, 0], [0.1, 0.6, 0.3], [0.5, 0, 0.5], [0.3, 0.7, 0]])  # 2 right
    second = np.array([[0, 0.8, 0.2], [0.1, 0.9, 0], [0, 0.1, 0.9], [0, 0.6, 0.4]])  # 2 right
    models = [Answers(image, y, p, labels) for p in (first, second)]
    # In the first row 0.8 of the second stand against 0.6 - 0.4 of the first: five times are more.
    assert greedy_weights(models).tolist() == [5 / 6, 1 / 6]
    assert (mix(models, greedy_weights(models)).p.argmax(axis=1) == y).sum() == 3


def test_greedy_weights_are_no_worse_than_the_best_member(make_answers):
    models = [make_answers(n=400, accuracy=a, seed=k) for k, a in enumerate((0.5, 0.6, 0.65))]
    mixed = mix(models, greedy_weights(models))
    right = [(m.p.argmax(axis=1) == m.y).mean() for m in (mixed, *models)]
    assert right[0] > max(right[1:])
    assert greedy_weights(models[:1]).tolist() == [1]


@pytest.mark.parametrize("weights", ["log_loss", "accuracy"])
def test_a_member_that_only_harms_is_dropped(make_record, make_answers, weights):
    good, noise = make_answers(n=600, accuracy=0.8), make_answers(n=600, seed=3)
    p = np.random.default_rng(0).dirichlet(np.full(3, 0.2), 600)
    noise = Answers(noise.image, noise.y, p, noise.labels)
    a = make_record(seed=0, answers={"val": good, "test": good})
    b = make_record(seed=1, answers={"val": noise, "test": noise})
    assert make_ensemble([a, b], weights=weights, name="picked").members == {a.name: 1.0}


@pytest.mark.parametrize("weights", ["log_loss", "accuracy"])
def test_weights_do_not_look_at_test(make_record, make_answers, weights):
    val = [make_answers(accuracy=a, seed=k) for k, a in enumerate((0.5, 0.7))]
    for run, test in enumerate((make_answers(seed=8), make_answers(seed=9))):
        for seed in (0, 1):
            make_record(seed=seed, variant=f"run-{run}", answers={"val": val[seed], "test": test})
    records = load_records()
    first, second = (make_ensemble(records[k : k + 2], weights=weights) for k in (0, 2))
    assert list(first.members.values()) == list(second.members.values())


def test_a_mixture_is_a_distribution(make_answers):
    mixed = mix([make_answers(seed=0), make_answers(seed=1)], np.array([0.3, 0.7]))
    split_metrics(mixed.y, mixed.p, mixed.labels)  # refuses rows that do not sum to 1


def test_an_ensemble_says_what_trained_and_what_was_filtered_for_any_member(make_record):
    """Where members differed it said nothing, and stood in tables beside untouched splits."""
    about = {"data_set": "FER-2013", "split": "official (PublicTest)", "classes": [*"abcdefg"]}
    about |= {"trained_on": ["train"]}
    filtered = {"constant": {"val": 0, "test": 1}}
    members = [
        make_record(seed=0, protocol=about | {"filters_on_val_and_test": {}}),
        make_record(
            seed=1,
            protocol=about | {"trained_on": ["train", "val"], "filters_on_val_and_test": filtered},
        ),
    ]
    made = make_ensemble(members)
    assert made.protocol["trained_on"] == ["train", "val"]
    assert made.protocol["filters_on_val_and_test"] == filtered
    assert made.protocol["split"] == "official (PublicTest)"
    assert on_official_splits([made]) == []
    alike = make_ensemble([members[0], make_record(seed=2, protocol=members[0].protocol)])
    assert alike.protocol == members[0].protocol
    assert on_official_splits([alike]) == [alike]


def test_ensembles_that_make_no_sense_are_refused(make_record, make_mistake):
    record = make_record(seed=0)
    wrong = make_mistake("test_on_train", seed=1)
    with pytest.raises(FerflowError, match="two or more"):
        make_ensemble([record, record])
    with pytest.raises(FerflowError, match="wrongly on purpose"):
        make_ensemble([record, wrong])
    with pytest.raises(FerflowError, match="name"):
        make_ensemble([record, make_record(seed=2)], name="../x")


@pytest.mark.parametrize(
    "name", ["summary", "summary-of-two", "mistake-x", "seed-0", "fold-2", "two-fold-2", "Two", ""]
)
def test_a_name_that_tells_another_kind_of_file_is_refused(make_record, name):
    members = [make_record(seed=seed) for seed in (0, 1)]
    words = f"must not begin with 'summary'.*Got {name!r}"
    for refused in (lambda: make_ensemble(members, name=name), lambda: record_run(name)):
        with pytest.raises(FerflowError, match=words) as caught:
            refused()
        assert "\n" not in str(caught.value)
    assert len(load_records()) == 2


@pytest.mark.parametrize("name", ["my-summary", "mistakes", "seeds-0-to-4", "5-folds", "a.b_c"])
def test_an_ensemble_of_any_other_name_is_found(make_record, name):
    make_ensemble([make_record(seed=seed) for seed in (0, 1)], name=name)
    assert f"ensembles/{name}" in {record.name for record in load_records()}
