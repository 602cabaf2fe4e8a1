"""Records: a strict reader, groups, summaries, the bootstrap."""

import json
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from ferflow.core.errors import DataError, FerflowError
from ferflow.core.params import PARAMS_FILE, read_yaml
from ferflow.evaluation.metrics import split_metrics
from ferflow.records import machine
from ferflow.records.compact import Answers
from ferflow.records.record import (
    find_records,
    groups,
    load_records,
    over_runs,
    read_record,
    summary_file,
)
from ferflow.records.record_run import edits_of, fold_of, public_params, read_curves, variant_of
from ferflow.records.resampling import SCORES, bootstrap, intervals
from ferflow.settings.presets import use


def test_a_bootstrapped_score_is_the_score_of_the_drawn_rows(make_answers):
    one, two = make_answers(n=60, seed=0), make_answers(n=60, seed=1)
    found = bootstrap([one, two], n_resamples=3, seed=5)
    drawn = np.random.default_rng(5).integers(0, 60, (3, 60))
    for k, rows in enumerate(drawn):
        for m, model in enumerate((one, two)):
            expected = split_metrics(model.y[rows], model.p[rows], model.labels)
            for name in SCORES:
                assert found[name][m, k] == pytest.approx(expected[name]), name


def test_an_absent_class_counts_as_the_metrics_count_it():
    y = np.array([0, 0, 1, 1])
    p = np.array([[0.8, 0.1, 0.1], [0.2, 0.2, 0.6], [0.1, 0.8, 0.1], [0.7, 0.2, 0.1]])
    answers = Answers(np.arange(4), y, p, ["a", "b", "c"])
    found = bootstrap([answers], n_resamples=200)
    drawn = np.random.default_rng(20130413).integers(0, 4, (200, 4))
    for k, rows in enumerate(drawn):
        expected = split_metrics(y[rows], p[rows], ["a", "b", "c"])
        assert found["balanced_accuracy"][0, k] == pytest.approx(expected["balanced_accuracy"])
        assert found["f1_macro"][0, k] == pytest.approx(expected["f1_macro"])


def test_intervals_hold_the_score_and_agree_with_theory(make_answers):
    answers = make_answers(n=2000, accuracy=0.6)
    scores = split_metrics(answers.y, answers.p, answers.labels)
    found = intervals(answers)
    for name in SCORES:
        assert found[name][0] < scores[name] < found[name][1]
    assert found["accuracy"][0] == pytest.approx(scores["accuracy_low"], abs=0.004)
    assert found["accuracy"][1] == pytest.approx(scores["accuracy_high"], abs=0.004)
    assert intervals(answers) == found


def test_models_of_other_images_are_not_resampled_together(make_answers):
    with pytest.raises(ValueError, match="same images"):
        bootstrap([make_answers(), make_answers(images=np.arange(400) + 1)])


def test_a_record_comes_back_as_it_was_saved(make_record):
    made = make_record()
    assert load_records() == [made]
    back = made.answers()["test"]
    assert split_metrics(back.y, back.p, back.labels)["f1_macro"] == pytest.approx(
        made.score("test", "f1_macro"), abs=1e-4
    )


def test_seeds_of_one_run_are_a_group_with_a_summary(make_record):
    accuracies = (0.5, 0.6, 0.7)
    made = [make_record(seed=k, accuracy=a) for k, a in enumerate(accuracies)]
    make_record(seed=0, variant="wide")
    assert [len(group) for group in groups(load_records())] == [3, 1]
    summary = json.loads(summary_file(made[0]).read_text())
    values = [record.score("test", "accuracy") for record in made]
    found = summary["scores"]["test"]["accuracy"]
    assert summary["seeds"] == [0, 1, 2]
    assert found["mean"] == pytest.approx(np.mean(values))
    assert found["sd"] == pytest.approx(np.std(values, ddof=1))
    low, high = stats.t.interval(0.95, 2, np.mean(values), stats.sem(values))
    assert (found["low"], found["high"]) == pytest.approx((low, high))


def test_equal_values_have_no_spread(make_record):
    assert over_runs([make_record(), make_record(seed=1)], [0.5, 0.5])["sd"] == 0


def test_folds_are_a_group_whose_interval_allows_for_shared_training_rows(make_record):
    made = [make_record(variant="5-folds", fold=k, n_folds=5, seed=3) for k in range(5)]
    assert made[4].name == "mobilenet-aco-rf/seed-3-5-folds-fold-4"
    assert [r.fold for r in find_records("mobilenet-aco-rf/5-folds", load_records())] == [*range(5)]
    values = [0.4, 0.42, 0.41, 0.45, 0.43]
    of_folds, of_seeds = (
        over_runs(made, values),
        over_runs([make_record(seed=k) for k in range(5)], values),
    )
    ratio = (of_folds["high"] - of_folds["low"]) / (of_seeds["high"] - of_seeds["low"])
    assert ratio == pytest.approx(np.sqrt(1 + 5 / 3))  # n_test / n_train is 1/3: three folds train
    assert json.loads(summary_file(made[0]).read_text())["folds"] == [*range(5)]


def test_a_mistakes_record_is_marked_everywhere_and_holds_no_predictions(make_mistake):
    made = [make_mistake("random_resplit", seed=seed) for seed in (0, 1)]
    assert made[0].name == "mobilenet-aco-rf/mistake-random_resplit-seed-0"
    assert list(made[0].metrics) == ["mistake"]
    assert load_records() == made
    assert not made[0].file("parquet").exists()
    assert summary_file(made[0]).name == "summary-mistake-random_resplit.json"
    with pytest.raises(FerflowError, match="is a mistake's"):
        made[0].answers()


def test_curves_are_kept_with_gaps_where_nothing_was_measured(tmp_path, make_record):
    table = tmp_path / "training.csv"
    table.write_text("epoch,learning_rate,train_loss,val_loss\n1,0.1,1.5,\n2,0.05,1.25,1.75\n")
    curves = read_curves(table)
    assert curves["epoch"] == [1, 2] and curves["val_loss"] == [None, 1.75]
    made = make_record(training=curves)
    assert read_record(made.file("json")).training == curves
    table.write_text("epoch,train_loss\n")
    assert read_curves(table) == {}


@pytest.mark.parametrize(
    ("settings", "used"),
    [
        ({"features.method": "hog"}, False),  # and a forest
        ({"features.method": "backbone"}, True),
        ({"features.method": "backbone", "features.device": "cpu"}, False),
    ],
)
@pytest.mark.usefixtures("workplace")
def test_the_graphics_card_is_named_where_it_was_used(monkeypatch, settings, used):
    monkeypatch.setattr("torch.cuda.is_available", lambda: True)
    monkeypatch.setattr("torch.cuda.get_device_name", lambda: "NVIDIA H200")
    use("quickstart", settings)
    about = machine.hardware(read_yaml(PARAMS_FILE))
    assert about.get("gpu") == ("NVIDIA H200" if used else None)


def test_records_are_found_by_name_group_and_variant(make_record, make_mistake):
    make_record(seed=0)
    make_record(seed=1)
    make_record(seed=0, variant="wide")
    make_mistake("test_on_train")
    records = load_records()

    def names(reference):
        return [record.name for record in find_records(reference, records)]

    both = ["mobilenet-aco-rf/seed-0", "mobilenet-aco-rf/seed-1"]
    assert names("mobilenet-aco-rf") == both
    assert names("mobilenet-aco-rf/seed-1") == both[1:]
    assert names("mobilenet-aco-rf/wide") == ["mobilenet-aco-rf/seed-0-wide"]
    mistake = "mobilenet-aco-rf/mistake-test_on_train-seed-0"
    assert names(mistake) == [mistake]
    with pytest.raises(FerflowError, match=r"no record 'mobilenet-aco-fr'.*Did you mean"):
        names("mobilenet-aco-fr")


def test_a_huge_or_deep_record_is_refused(make_record):
    path = make_record().file("json")
    for text in ("[" * 200_000, " " * (2 << 20), "", "{"):
        path.write_text(text)
        with pytest.raises(DataError):
            read_record(path)


def test_predictions_of_another_record_are_refused(make_record):
    one, two = make_record(seed=0), make_record(seed=1)
    one.file("parquet").write_bytes(two.file("parquet").read_bytes())
    with pytest.raises(DataError, match="not what its record was saved with"):
        one.answers()
    one.file("parquet").unlink()
    with pytest.raises(DataError, match="is missing, but its record is here"):
        one.answers()


@pytest.mark.usefixtures("workplace")
@pytest.mark.parametrize(
    ("preset", "key"),
    [
        ("mobilenet-aco-rf", "features.backbone"),
        ("finetune", "train.network.options.backbone"),
    ],
)
def test_no_place_on_the_machine_is_kept(preset, key, zip_of_faces, tmp_path):
    network = tmp_path / "mobilenet_v2_1.0_224"
    network.mkdir()
    (network / "config.json").write_text("{}")
    use(preset, {"data.path": str(zip_of_faces), key: str(network)})
    params = read_yaml(PARAMS_FILE)
    kept = public_params(params)
    assert str(tmp_path) not in json.dumps(kept)
    assert kept["data.path"] == "fer2013.zip" and len(kept["data.sha256"]) == 64
    assert kept[key] == "mobilenet_v2_1.0_224"
    assert public_params({"a": ["/home/me/x.zip", "~/y", "../z", 3]})["a"] == ["x.zip", "y", "z", 3]
    assert edits_of(params) == {}, "a local copy of the network and data is no edit"


@pytest.mark.usefixtures("workplace")
def test_edits_make_a_variant_and_the_seed_does_not():
    use("quickstart", {"seed": 4})
    assert variant_of(read_yaml(PARAMS_FILE)) is None
    use("quickstart", {"balance.method": "none"})
    one = variant_of(read_yaml(PARAMS_FILE))
    assert edits_of(read_yaml(PARAMS_FILE)) == {"balance.method": "none"}
    use("quickstart", {"balance.method": "none", "seed": 4})
    assert variant_of(read_yaml(PARAMS_FILE)) == one
    use("quickstart", {"balance.method": "none", "balance.k_neighbors": 3})
    assert variant_of(read_yaml(PARAMS_FILE)) not in (one, None)
    use("quickstart", {"features.method": "backbone", "features.backbone": "other/network"})
    assert edits_of(read_yaml(PARAMS_FILE))["features.backbone"] == "other/network"


@pytest.mark.usefixtures("workplace")
def test_a_presets_own_teachers_are_no_edit_and_others_are_told_by_their_content(zip_of_faces):
    other = Path("other.safetensors")
    settings = {"data.path": str(zip_of_faces)}
    use("best", settings)
    assert variant_of(read_yaml(PARAMS_FILE)) is None
    variants = set()
    for content in (b"answers", b"other answers"):
        other.write_bytes(content)
        use("best", settings | {"train.network.teachers": ["other.safetensors"]})
        variants.add(variant_of(read_yaml(PARAMS_FILE)))
    assert len(variants - {None}) == 2


@pytest.mark.usefixtures("workplace")
def test_folds_are_a_variant_and_which_fold_is_none():
    def of(**settings):
        use("quickstart", settings)
        params = read_yaml(PARAMS_FILE)
        return variant_of(params), fold_of(params)

    assert of() == (None, (None, None))
    folds = {"data.split": "kfold", "data.n_folds": 4}
    assert of(**folds, **{"data.fold": 2}) == ("4-folds", (2, 4))
    assert of(**folds) == ("4-folds", (0, 4))
    assert of(**{"data.split": "kfold"}) == ("5-folds", (0, 5))
    edited, _ = of(**folds, **{"balance.method": "none"})
    assert edited == f"4-folds-{of(**{'balance.method': 'none'})[0]}"
