"""The report and the README's table: what the records say, and nothing else."""

import re
import sys
from pathlib import Path

import numpy as np
import pytest

from benchmarks import supersede
from ferflow.claims.registry import load_papers
from ferflow.core.errors import FerflowError
from ferflow.records.record import load_records
from ferflow.report.standing import standings
from ferflow.report.write import CLAIMS, LEADERBOARD, README, report_texts, write_report
from ferflow.runs.sweep import SWEEPS

ROOT = Path(__file__).parents[1]
MD, HTML = Path("reports/papers.md"), Path("reports/papers.html")


def row_of(text, *words):
    (line,) = [line for line in text.splitlines() if all(f"| {w} |" in line for w in words)]
    return [cell.strip() for cell in line.strip("|").split("|")]


def test_the_committed_reports_and_readme_are_what_the_records_say(monkeypatch):
    monkeypatch.chdir(ROOT)
    for path, text in report_texts().items():
        assert path.read_text(encoding="utf-8") == text, f"{path}: run `ferflow report`"


@pytest.mark.usefixtures("readme")
def test_without_records_every_claim_is_listed_as_not_yet_run():
    texts = report_texts()
    claims = [c for paper in load_papers().values() for c in paper.claims]
    assert texts[CLAIMS].count("| not yet run |") == len(claims)
    assert texts[CLAIMS].count("its preset is not yet run") == len(claims)
    rows = [line for line in texts[CLAIMS].splitlines() if line.startswith("| ")]
    assert len(rows) == len(claims) + 2
    assert texts[CLAIMS].startswith("# x\n\n<!-- claims -->\n|")
    assert texts[CLAIMS].endswith("<!-- /claims -->\n\nrest\n")


@pytest.mark.usefixtures("readme")
def test_a_recorded_preset_shows_its_figure_with_interval(make_record):
    record = make_record("mobilenet-aco-rf", accuracy=0.3)
    value = record.score("test", "accuracy")
    low, high = record.intervals["test"]["accuracy"]
    cells = row_of(report_texts()[CLAIMS], "`mobilenet-aco-rf`")
    assert cells[3] == f"{value:.3f} ({low:.3f} to {high:.3f})"
    assert high < 0.45 and cells[-1].startswith("possible; out of its preset's reach (")


@pytest.mark.usefixtures("readme")
def test_several_seeds_show_their_mean(make_record):
    made = [make_record("mobilenet-aco-rf", seed=seed) for seed in range(3)]
    values = [record.score("test", "accuracy") for record in made]
    cell = row_of(report_texts()[CLAIMS], "`mobilenet-aco-rf`")[3]
    assert cell.startswith(f"{np.mean(values):.3f} ± {np.std(values, ddof=1):.3f} (")
    assert cell.endswith("), 3 seeds")
    assert "Seeds 0, 1, 2. Recorded 2026-11-20" in report_texts()[MD]


@pytest.mark.usefixtures("readme")
def test_edited_runs_and_mistakes_are_not_taken_for_the_preset(make_record, make_mistake):
    make_record("mobilenet-aco-rf", variant="wide")
    make_mistake("random_resplit")
    texts = report_texts()
    assert row_of(texts[CLAIMS], "`mobilenet-aco-rf`")[3] == "not yet run"
    assert "`mobilenet-aco-rf/wide`" in texts[MD]


def write_sweep(preset):
    SWEEPS.mkdir(parents=True)
    (SWEEPS / f"{preset}.csv").write_text(
        "dropout,accuracy,accuracy_low,accuracy_high,f1_macro,log_loss,epoch_chosen,epochs\n"
        "three,0.5,0.48,0.51,0.4,1.2,2,3\neight,,,,,,,\n"
    )


@pytest.mark.usefixtures("readme")
def test_variations_on_record_stand_under_their_preset():
    assert "Variations" not in report_texts()[MD]
    write_sweep("allconv")
    text = report_texts()[MD]
    _, _, after = text.partition("### Variations of `allconv`\n")
    assert "interval of an accuracy is at most ± 0.015" in after
    assert row_of(after, "three") == ["three", "0.500", "0.400", "2", "3"]
    assert row_of(after, "eight") == ["eight", *["failed"] * 4]


@pytest.mark.usefixtures("readme")
def test_a_claim_out_of_reach_shows_the_mistake_that_comes_nearest(make_record, make_mistake):
    make_record("mobilenet-aco-rf", accuracy=0.3)
    make_record("mobilenet-aco-rf-nosmote", accuracy=0.6)
    near = {"n": 3589, "accuracy": 0.5, "accuracy_low": 0.48, "accuracy_high": 0.52}
    far = {"n": 3589, "accuracy": 0.714, "accuracy_low": 0.70, "accuracy_high": 0.73}
    for preset in ("mobilenet-aco-rf", "mobilenet-aco-rf-nosmote"):
        for name, scores in (("random_resplit", near), ("resample_before_split", far)):
            made = make_mistake(name, preset)
            make_mistake(name, preset, metrics={"mistake": made.metrics["mistake"] | scores})
    texts = report_texts()
    cells = row_of(texts[CLAIMS], "`mobilenet-aco-rf`")
    assert cells[4:] == [
        "`random_resplit` 0.500",
        "possible; out of its preset's reach; with `random_resplit` the preset prints this "
        "(3,589 test images are our assumption)",
    ]
    reached = row_of(texts[CLAIMS], "`mobilenet-aco-rf-nosmote`")
    assert reached[4:] == [
        "",
        "exceeded by its preset (3,589 test images are our assumption)",
    ]
    assert re.search(r"`resample_before_split` \|[^|]*\| 0.714 \(0.700 to 0.730\)", texts[MD])
    assert "MISTAKES, not results" in texts[MD]


@pytest.mark.usefixtures("workplace")
def test_a_mistake_without_bounds_is_likened_to_nothing(make_record, make_mistake):
    make_record("mobilenet-aco-rf", accuracy=0.3)
    make_mistake()
    found = {s.metric: s for s in standings(load_records()) if s.claimed in (0.498, 0.493)}
    for standing in found.values():
        assert standing.nearest_mistake[0] == "random_resplit"
        assert standing.verdict.beside.likened == ()


@pytest.mark.usefixtures("readme")
def test_every_record_says_what_the_metric_mistakes_would_print(make_record):
    record = make_record("mobilenet-aco-rf")
    accuracy = record.score("test", "accuracy")
    (line,) = [li for li in report_texts()[MD].splitlines() if li.startswith("| `one_vs_rest` ")]
    assert f"| {1 - 2 * (1 - accuracy) / 3:.3f} (" in line  # three classes
    p, y = (getattr(record.answers()["test"], name) for name in ("p", "y"))
    by_hand = np.mean(
        [(row[k] > 0.5) == (k == c) for row, c in zip(p, y, strict=True) for k in range(3)]
    )
    (line,) = [li for li in report_texts()[MD].splitlines() if "`one_vs_rest at 0.5`" in li]
    assert f"| {by_hand:.3f} (" in line


@pytest.mark.usefixtures("readme")
def test_folds_are_a_row_of_their_own_and_not_the_preset(make_record):
    for fold in range(3):
        make_record("mobilenet-aco-rf", variant="3-folds", fold=fold, n_folds=3)
    texts = report_texts()
    assert row_of(texts[CLAIMS], "`mobilenet-aco-rf`")[3] == "not yet run"
    (line,) = [li for li in texts[MD].splitlines() if "`mobilenet-aco-rf/3-folds`" in li]
    assert line.count("±") == 2 and line.count("3 folds") == 2


@pytest.mark.usefixtures("readme")
def test_every_paper_has_the_commands_that_show_its_claims():
    text = report_texts()[MD]
    for command in (
        "ferflow decode 0.350",
        "ferflow decode 0.8829 --images 7178",
        "ferflow decode 0.8778 --classes 5 --images 1415",
        "ferflow decode --confusion ferflow/claims/littlevgg_test.csv",
        "ferflow compare mobilenet-aco-rf-nosmote mobilenet-aco-rf",
        "ferflow compare svm sepconv",
    ):
        assert f"\n{command}\n" in text


@pytest.mark.usefixtures("readme")
def test_scores_without_twins_get_a_column_where_they_are_recorded(make_record):
    record = make_record("mobilenet-aco-rf")
    assert "without twins" not in report_texts()[CLAIMS]
    metrics = record.metrics | {"test_without_twins": record.metrics["val"]}
    make_record("mobilenet-aco-rf", metrics=metrics)
    text = report_texts()[CLAIMS]
    assert "| without twins |" in text
    assert row_of(text, "`mobilenet-aco-rf`")[4].startswith(
        f"{record.score('val', 'accuracy'):.3f} ("
    )


@pytest.mark.usefixtures("readme")
def test_scores_without_relatives_share_no_table_with_those_without_twins(make_record):
    record = make_record("mobilenet-aco-rf")
    wide = {f"{name}_without_relatives": record.metrics[name] for name in ("val", "test")}
    metrics = record.metrics | {"test_without_twins": record.metrics["val"]} | wide
    make_record("mobilenet-aco-rf", metrics=metrics)
    texts = report_texts()
    assert "relatives" not in texts[README]
    heads = [line for text in texts.values() for line in text.splitlines() if "| metric |" in line]
    wide_heads = [line for line in heads if "relatives" in line]
    assert wide_heads == ["| metric | val without relatives | test without relatives |"]
    assert "| metric | val | test | test without twins |" in heads


@pytest.mark.usefixtures("readme")
def test_a_claim_is_answered_by_the_images_and_views_that_it_is_of(make_record):
    record = make_record("littlevgg")
    several = record.metrics["test"] | {"accuracy": 0.9}
    make_record("littlevgg", metrics=record.metrics | {"test_tta": several})
    one, tta = (s for s in standings(load_records()) if s.claim.preset == "littlevgg")
    assert one.honest.value == record.score("val", "accuracy")
    assert tta.honest.value == 0.9
    assert set(tta.mistakes) == {"one_vs_rest"}
    text = report_texts()[CLAIMS]
    assert row_of(text, "5, one view")[3].endswith(", on PublicTest")
    assert "PublicTest" not in row_of(text, "5, test-time augmentation")[3]


@pytest.mark.usefixtures("readme")
def test_an_unfinished_training_is_marked_in_every_table(make_record):
    curves = {
        "epoch": [1, 2, 3],
        "train_loss": [3.0, 2.0, 1.0],
        "val_loss": [3.0, 2.0, 1.0],
        "val_accuracy": [0.2, 0.3, 0.4],
        "val_f1_macro": [0.2, 0.3, 0.4],
    }
    make_record("allconv", training=curves)
    make_record("allconv", variant="wide", training=curves)
    make_record("svm")
    texts = report_texts()
    assert row_of(texts[CLAIMS], "`allconv`")[3].endswith(", unfinished")
    assert "### `allconv` on record, unfinished\n" in texts[MD]
    (variant,) = [line for line in texts[MD].splitlines() if "| `allconv/wide` |" in line]
    assert variant.count("unfinished") == 2
    assert "### `svm` on record\n" in texts[MD]
    assert "unfinished" not in row_of(texts[CLAIMS], "`svm`")[3]


@pytest.mark.usefixtures("readme")
def test_what_is_put_aside_when_a_preset_changes_stands_in_no_table(
    make_record, make_mistake, monkeypatch
):
    make_record("svm")
    before = report_texts()
    make_record("allconv")
    make_mistake("swap_val_test", "allconv")
    with_records = report_texts()
    write_sweep("allconv")
    assert before != with_records != report_texts() != before
    monkeypatch.setattr(sys, "argv", ["supersede", "allconv", "16676a2"])
    supersede.main()
    assert report_texts() == before
    assert [file.name for file in SWEEPS.iterdir()] == ["allconv-as-of-16676a2.csv"]
    names = [record.name for record in load_records()]
    assert names[0] == "allconv/seed-0-as-of-16676a2"
    assert names[1].startswith("allconv/mistake-swap_val_test-seed-0-as-of-16676a2")
    assert load_records()[0].answers()


@pytest.mark.usefixtures("readme")
def test_printed_matrices_stand_in_the_report_with_their_reading():
    text = report_texts()[MD]
    assert "7,178 images, accuracy 0.1746" in text
    assert "disgust taken for surprise is 40" in text
    assert "FER-2013" in text and "not there yet" not in text


@pytest.mark.usefixtures("workplace")
def test_in_a_project_of_ones_own_no_page_but_the_report_is_written(make_record):
    make_record("svm")
    README.write_text("# mine\n")
    assert {MD, HTML} <= set(report_texts()) and not {README, CLAIMS} & set(report_texts())


@pytest.mark.parametrize("text", ["", "<!-- {} -->", "<!-- {0} -->\n<!-- /{0} -->\n" * 2])
@pytest.mark.parametrize(
    ("path", "mark"), [(README, "models"), (CLAIMS, "claims"), (LEADERBOARD, "systems")]
)
@pytest.mark.usefixtures("readme")
def test_a_page_without_the_marks_is_refused(workplace, path, mark, text):
    (workplace / path).write_text(text.format(mark))
    with pytest.raises(FerflowError, match=rf"{path} must hold '<!-- {mark} -->'"):
        write_report()
    assert not MD.exists()


@pytest.mark.usefixtures("readme")
def test_the_table_of_models_has_presets_on_the_official_splits_the_best_first(
    make_record, make_mistake
):
    seven = list("abcdefg")
    fer2013 = {"data_set": "FER-2013", "split": "official (Training, ...)", "classes": seven}
    timed = {
        "hardware": {"cores": 2},
        "costs": {"balance": {"seconds": 20}, "train": {"seconds": 100}},
    }
    make_record("svm", accuracy=0.5, protocol=fer2013, **timed)
    for seed in range(2):
        make_record("best", seed=seed, accuracy=0.6, protocol=fer2013)
    make_record("finetune", accuracy=0.9, protocol=fer2013 | {"classes": seven[:5]})
    make_record("littlevgg", accuracy=0.9, protocol=fer2013 | {"split": "test is fold 0 of 5"})
    make_record("fernet", accuracy=0.9, protocol=fer2013 | {"trained_on": ["train", "val"]})
    make_record("sepconv", accuracy=0.9, protocol=fer2013, variant="wide")
    make_mistake(preset="svm")
    rows = [line for line in report_texts()[README].splitlines() if line.startswith("| `")]
    best, svm = [[cell.strip() for cell in row.strip("|").split("|")] for row in rows]
    assert (best[0], svm[0]) == ("`best`", "`svm`")
    assert best[2].endswith(", 2 seeds") and "±" in best[2]
    assert re.fullmatch(r"0\.\d{3}", svm[2]) and svm[5] == "2 min, 2 cores" and best[5] == "1 min"
