"""Every method of balancing: where its rows lie, what it refuses, and what the stage keeps."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from imblearn import over_sampling
from imblearn.combine import SMOTETomek
from imblearn.under_sampling import TomekLinks

from ferflow.balance.params import BalanceParams
from ferflow.balance.resample import balance, count_rows
from ferflow.core.errors import DataError, ParamError
from ferflow.core.split import load_split, save_split
from ferflow.core.yaml_text import parse_yaml
from ferflow.selection.params import SelectionParams
from ferflow.selection.select import make_judge
from stages import balance as stage

ROOT = Path(__file__).parents[1]
COUNTS = (30, 6, 12)
SYNTHETIC = ["smote", "borderline_smote", "svm_smote", "adasyn"]
CLEANING = ["smote_tomek", "smote_enn"]
RANDOM = ["random_oversampling", "random_undersampling"]


def params_of(method, k_neighbors=3):
    return BalanceParams(method=method, k_neighbors=k_neighbors)


@pytest.fixture
def features(make_split):
    return make_split(y=np.repeat([0, 1, 2], COUNTS), shape=(4,))


@pytest.fixture
def clouds(make_split):
    """Three classes that overlap in part, in 6 dimensions, their rows in mixed order."""
    rng = np.random.default_rng(5)
    y = rng.permutation(np.repeat([0, 1, 2], (120, 25, 60)))
    split = make_split(y=y, shape=(6,))
    return replace(split, x=split.x + 0.8 * y[:, None].astype(np.float32))


@pytest.fixture
def bright_clouds(clouds):
    """The clouds as images of 2x3 pixels close to 255, where what lies beyond would wrap around."""
    low, high = clouds.x.min(), clouds.x.max()
    x = np.rint(225 + 30 * (clouds.x - low) / (high - low)).astype(np.uint8)
    return replace(clouds, x=x.reshape(-1, 2, 3))


def new_rows(balanced, n_old):
    return balanced.take(np.arange(n_old, len(balanced)))


@pytest.mark.parametrize("kind", ["clouds", "bright_clouds"])
@pytest.mark.parametrize("method", [*SYNTHETIC, *CLEANING, *RANDOM])
def test_every_row_marked_as_an_image_is_that_image(request, method, kind):
    split = request.getfixturevalue(kind)
    balanced = balance(split, params_of(method), seed=0)
    real = balanced.take(balanced.original)
    place = {source: i for i, source in enumerate(split.source_id)}
    rows = np.array([place[source] for source in real.source_id])
    assert len(set(rows)) == len(rows)
    assert (np.diff(rows) > 0).all()  # in the order in which they came
    assert np.array_equal(real.x, split.x[rows])
    assert np.array_equal(real.y, split.y[rows])
    assert balanced.x.dtype == split.x.dtype
    assert balanced.x.shape[1:] == split.x.shape[1:]


@pytest.mark.parametrize("method", SYNTHETIC)
def test_synthetic_rows_name_their_method_and_no_row_is_lost(clouds, method):
    balanced = balance(clouds, params_of(method), seed=0)
    assert balanced.original[: len(clouds)].all()
    added = new_rows(balanced, len(clouds))
    assert set(added.transform) == {method}
    assert set(added.source_id) == {""}
    assert added.class_counts()["angry"] == 0
    known = {row.tobytes() for row in clouds.x}
    assert not any(row.tobytes() in known for row in added.x)


@pytest.mark.parametrize("method", SYNTHETIC)
def test_synthetic_rows_fill_the_classes_up(clouds, method):
    counts = balance(clouds, params_of(method), seed=0).class_counts()
    slack = {"adasyn": 0.1, "svm_smote": 0.6}.get(method, 0)
    assert counts["angry"] == 120
    for label in ("disgust", "fear"):
        assert counts[label] == pytest.approx(120, rel=slack)


def partly_surrounded(make_split, n, spread):
    """n rows of a class, 20 of a rare one: 10 amid the others with this spread, 10 far away."""
    rng = np.random.default_rng(0)
    places = [(0, 1, n), (0, spread, 10), (40, 1, 10)]
    x = np.concatenate([rng.normal(at, wide, (rows, 2)) for at, wide, rows in places])
    split = make_split(y=[0] * n + [1] * 20, shape=(2,))
    return replace(split, x=x.astype(np.float32))


def test_borderline_smote_starts_from_rows_that_others_surround(make_split):
    split = partly_surrounded(make_split, 90, 0.7)
    added = new_rows(balance(split, params_of("borderline_smote"), seed=0), len(split))
    plain = new_rows(balance(split, params_of("smote"), seed=0), len(split))
    assert (added.x[:, 0] > 35).mean() < 0.05 < 0.3 < (plain.x[:, 0] > 35).mean()


def test_adasyn_adds_more_where_other_classes_are_near(make_split):
    split = partly_surrounded(make_split, 60, 1)
    added = new_rows(balance(split, params_of("adasyn"), seed=0), len(split))
    assert (added.x[:, 0] < 10).mean() > 0.9


@pytest.mark.parametrize("method", [*SYNTHETIC, *CLEANING])
def test_grey_levels_never_wrap_around(bright_clouds, method):
    balanced = balance(bright_clouds, params_of(method), seed=0)
    assert balanced.x.min() > 200


def test_svm_smote_reaches_beyond_its_parents_and_is_cut_off_at_white(bright_clouds):
    beyond = balance(bright_clouds, params_of("svm_smote"), seed=0)
    flat = replace(bright_clouds, x=bright_clouds.x.astype(np.float32).reshape(-1, 6))
    free = balance(flat, params_of("svm_smote"), seed=0)
    assert free.x.max() > 255.5
    assert beyond.x.max() == 255


@pytest.mark.parametrize("method", CLEANING)
def test_cleaning_takes_away_rows_of_smote_and_adds_none(clouds, method):
    smote, cleaned = (balance(clouds, params_of(m), seed=0) for m in ("smote", method))
    rows = [
        (x.tobytes(), t, s)
        for x, t, s in zip(smote.x, smote.transform, smote.source_id, strict=True)
    ]
    left = [
        (x.tobytes(), t, s)
        for x, t, s in zip(cleaned.x, cleaned.transform, cleaned.source_id, strict=True)
    ]
    assert len(set(rows)) == len(rows)
    kept = [row for row in rows if row in set(left)]
    assert kept == left and len(kept) < len(rows)
    assert set(cleaned.transform) == {"", "smote"}


def test_smote_tomek_keeps_the_rows_that_the_library_keeps(clouds):
    library = SMOTETomek(
        smote=over_sampling.SMOTE(k_neighbors=3, random_state=np.random.RandomState(0)),
        tomek=TomekLinks(sampling_strategy="all"),
    )
    x, y = library.fit_resample(clouds.x, clouds.y)
    ours = balance(clouds, params_of("smote_tomek"), seed=0)
    assert np.array_equal(ours.x, x) and np.array_equal(ours.y, y)


def test_smote_enn_removes_what_two_of_three_neighbours_outvote(clouds):
    smote, cleaned = (balance(clouds, params_of(m), seed=0) for m in ("smote", "smote_enn"))
    distance = np.linalg.norm(smote.x[:, None] - smote.x[None], axis=2)
    np.fill_diagonal(distance, np.inf)
    votes = smote.y[np.argsort(distance, axis=1)[:, :3]]
    agree = (votes == smote.y[:, None]).sum(axis=1)
    left = {x.tobytes() for x in cleaned.x}
    stays = np.array([x.tobytes() in left for x in smote.x])
    assert stays[agree >= 2].all()
    assert not stays[agree == 0].any()


def test_undersampling_keeps_as_many_of_each_class_as_the_rarest_has(clouds):
    balanced = balance(clouds, params_of("random_undersampling"), seed=0)
    assert set(balanced.class_counts().values()) == {25}
    assert balanced.original.all()
    assert len(set(balanced.source_id)) == 75


@pytest.mark.parametrize("method", [*SYNTHETIC, *CLEANING, *RANDOM])
def test_the_seed_fixes_every_method(clouds, same_split, method):
    first = balance(clouds, params_of(method), seed=1)
    same_split(balance(clouds, params_of(method), seed=1), first)
    other = balance(clouds, params_of(method), seed=2)
    assert not np.array_equal(other.x, first.x)


@pytest.mark.parametrize("method", [*SYNTHETIC, *CLEANING])
def test_too_few_rows_are_refused_with_class_count_and_cure(features, method):
    with pytest.raises(ParamError, match=r"6 x 'disgust'") as caught:
        balance(features, params_of(method, k_neighbors=6), seed=0)
    assert "Lower it in params.yaml, or take balance.method random_oversampling" in str(
        caught.value
    )


@pytest.mark.parametrize("method", RANDOM)
def test_one_row_is_enough_for_the_random_methods(make_split, method):
    split = make_split(y=[0, 0, 0, 1, 2, 2], shape=(4,))
    assert len(set(balance(split, params_of(method), seed=0).class_counts().values())) == 1


@pytest.mark.parametrize(("method", "reason"), [("adasyn", "majority"), ("svm_smote", "noise")])
def test_rows_that_a_method_cannot_fill_up_are_refused_in_one_line(make_split, method, reason):
    split = make_split(y=[0] * 900 + [1] * 8, shape=(2,))
    x = np.random.default_rng(0).normal(size=split.x.shape).astype(np.float32)
    if method == "adasyn":
        x[900:] += 50  # no neighbour of another class, which ADASYN weighs its rows by
    split = replace(split, x=x)
    with pytest.raises(ParamError, match=rf"{method} cannot fill up.*{reason}") as caught:
        balance(split, params_of(method), seed=0)
    message = str(caught.value)
    assert "'disgust': 8" in message and "Take balance.method smote" in message
    assert len(message.splitlines()) == 1


def test_a_class_that_cleaning_would_wipe_out_is_named(make_split):
    x = np.arange(40, dtype=np.float32)[:, None].repeat(2, axis=1)  # the classes alternate
    split = replace(make_split(y=[0, 1] * 20, shape=(2,)), x=x)
    with pytest.raises(ParamError, match="would remove every row of angry, disgust"):
        balance(split, params_of("smote_enn"), seed=0)


@pytest.mark.parametrize("method", [*SYNTHETIC, *CLEANING, *RANDOM])
def test_a_single_class_cannot_be_balanced(make_split, method):
    with pytest.raises(DataError, match=r"two classes or more.*\['fear'\]"):
        balance(make_split(y=[2] * 9, shape=(4,)), params_of(method), seed=0)


def test_counts_say_what_was_there_and_what_is_new(clouds):
    counted = count_rows(clouds, balance(clouds, params_of("smote"), seed=0), "smote")
    assert counted == {
        "method": "smote",
        "before": {"angry": 120, "disgust": 25, "fear": 60},
        "after": {"angry": 120, "disgust": 120, "fear": 120},
        "new": {"angry": 0, "disgust": 95, "fear": 60},
    }
    assert count_rows(clouds, clouds, "none")["new"] == {"angry": 0, "disgust": 0, "fear": 0}


def test_augmented_copies_are_not_counted_as_new(clouds):
    copies = replace(clouds, transform=np.full(len(clouds), "horizontal_flip"))
    balanced = balance(copies, params_of("random_oversampling"), seed=0)
    assert count_rows(copies, balanced, "random_oversampling")["new"]["disgust"] == 95


@pytest.fixture
def run_stage(tmp_path, monkeypatch, clouds):
    """Balance the clouds, some rows augmented: (bytes of the source, file of all, file of kept)."""
    monkeypatch.chdir(tmp_path)
    transform = np.where(np.arange(len(clouds)) % 5 == 4, "flip", clouds.transform)
    save_split(tmp_path / "source", replace(clouds, transform=transform))

    def run(method):
        text = f"{{seed: 0, balance: {{method: {method}, k_neighbors: 3}}}}"
        (tmp_path / "params.yaml").write_text(text)
        files = [tmp_path / name for name in ("source", "all", "kept", "counts.json")]
        stage.main(*files)
        return files[0].read_bytes(), *files[1:3]

    return run


@pytest.mark.parametrize("method", ["none", *SYNTHETIC, "random_oversampling"])
def test_what_is_kept_has_the_same_bytes_whatever_fills_up(run_stage, method):
    """So that `select_features`, which judges by real rows only, does not run again."""
    source, _, kept = run_stage(method)
    assert kept.read_bytes() == source


@pytest.mark.parametrize("method", ["smote", "smote_enn", "smote_tomek", "random_undersampling"])
def test_the_judge_fits_the_same_rows_from_all_and_from_what_is_kept(run_stage, same_split, method):
    source, everything, kept = run_stage(method)
    defaults = parse_yaml((ROOT / "presets/defaults.yaml").read_text(encoding="utf-8"))
    params = SelectionParams(**defaults["selection"] | {"max_rows": 40})
    judges = [make_judge(load_split(f), load_split(f), params, 0).train for f in (everything, kept)]
    same_split(*judges)
    assert (kept.read_bytes() == source) == (method == "smote")
