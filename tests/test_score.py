"""`ferflow score`: anybody's answers, told apart by any name, and what is wrong with them."""

import csv
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from ferflow.core.errors import DataError
from ferflow.evaluation.metrics import split_metrics
from ferflow.fer2013.labels import FER2013_LABELS
from ferflow.fer2013.table import N_ROWS, UNKNOWN, clear_majority, load_table
from ferflow.records.compare import compare
from ferflow.score.keep import keep
from ferflow.score.order import find_order
from ferflow.score.score import BOTH_AGREE, BY_FERPLUS, WITHOUT_TWINS, score_file

TABLE = load_table()
KNOWN = np.flatnonzero((TABLE.usage > 0) & (TABLE.label != UNKNOWN))
ROWS = KNOWN[KNOWN < N_ROWS]
IDS = TABLE.source_ids()
LABELS = list(FER2013_LABELS)
PUBLIC, PRIVATE = "PublicTest", "PrivateTest"


def model(entries, accuracy=0.6, seed=0):
    """Probabilities (n, 7) of a model that is right on this share of the entries."""
    rng = np.random.default_rng(seed)
    y = TABLE.label[entries]
    right = rng.random(len(y)) < accuracy
    said = np.where(right, y, (y + rng.integers(1, 7, len(y))) % 7)
    p = rng.random((len(y), 7))
    p[np.arange(len(y)), said] += 1
    return p / p.sum(axis=1, keepdims=True)


def write(path, names, p, *, key="file", header=LABELS):
    with Path(path).open("w", newline="") as file:
        out = csv.writer(file)
        out.writerow([key, *header])
        out.writerows(
            [name, *map(repr, map(float, row))] for name, row in zip(names, p, strict=True)
        )
    return Path(path)


def notes_of(path):
    return " / ".join(score_file(path).notes)


def test_the_figures_are_those_that_our_own_runs_get(tmp_path):
    p = model(KNOWN)
    scored = score_file(write(tmp_path / "a.csv", [IDS[k] + ".jpg" for k in KNOWN], p))
    assert list(scored.parts) == [PUBLIC, PRIVATE]
    seen = np.isin(TABLE.folder_twins, TABLE.folder_twins[TABLE.usage == 0])
    for usage, number in ((PUBLIC, 1), (PRIVATE, 2)):
        for name, rows in (
            ("", TABLE.usage[KNOWN] == number),
            (WITHOUT_TWINS, (TABLE.usage[KNOWN] == number) & ~seen[KNOWN]),
        ):
            found, here = scored.parts[usage][name], KNOWN[rows]
            expected = split_metrics(
                TABLE.label[here].astype(int),
                p[rows],
                LABELS,
                n_bins=15,
                twins=TABLE.folder_twins[here],
            )
            assert found.n == expected["n"]
            for ours, theirs in (
                ("accuracy", "accuracy"),
                ("low", "accuracy_low"),
                ("high", "accuracy_high"),
                ("f1_macro", "f1_macro"),
                ("balanced_accuracy", "balanced_accuracy"),
                ("ece", "ece"),
            ):
                assert getattr(found, ours) == pytest.approx(expected[theirs]), ours
            per_class = [list(row.values()) for row in expected["per_class"].values()]
            assert found.per_class == pytest.approx(np.array(per_class))
    parts = scored.parts[PRIVATE]
    assert [parts[n].n for n in ("", WITHOUT_TWINS, BY_FERPLUS, BOTH_AGREE)] == [
        3589,
        3120,
        3349,
        2196,
    ]
    assert scored.notes == ("images are named by file (file)",)


@pytest.mark.parametrize(
    ("kind", "names"),
    [
        ("file", lambda k: f"test/{IDS[k]}.jpg"),
        ("row", str),
        ("row id", lambda k: TABLE.row_ids()[k]),
        ("FER+ name", lambda k: f"fer{TABLE.ferplus_name[k]:07d}.png"),
        ("hash", lambda k: f"{int(TABLE.folder_hash[k]):016x}"),
        ("hash", lambda k: f"{int(TABLE.csv_hash[k]):016x}"),
    ],
)
def test_an_image_may_be_told_by_any_of_its_names(tmp_path, kind, names):
    entries = ROWS[-400:]
    path = write(tmp_path / "a.csv", [names(k) for k in entries], np.eye(7)[TABLE.label[entries]])
    scored = score_file(path)
    assert f"({kind})" in scored.notes[0]
    assert scored.parts[PRIVATE][""].n >= 400
    assert scored.parts[PRIVATE][""].accuracy > (0.99 if kind == "hash" else 0.9999)


def test_columns_may_stand_in_any_order_and_under_other_words(tmp_path):
    order = [6, 3, 4, 0, 2, 1, 5]
    words = ["neutral", "P_Happy", "sad", "prob_anger", "fearful", "disgusted", "suprise"]
    p = model(KNOWN)
    plain = score_file(write(tmp_path / "a.csv", KNOWN_IDS, p))
    other = score_file(write(tmp_path / "b.csv", KNOWN_IDS, p[:, order], header=words))
    assert other.parts[PRIVATE][""].accuracy == plain.parts[PRIVATE][""].accuracy


KNOWN_IDS = [IDS[k] for k in KNOWN]


@pytest.mark.parametrize("form", [lambda k: LABELS[k], str, lambda k: f"{k}.0"])
def test_labels_alone_have_no_calibration(tmp_path, form):
    lines = ["row,label", *(f"{k},{form(TABLE.label[k])}" for k in ROWS)]
    (tmp_path / "a.csv").write_text("\n".join(lines))
    found = score_file(tmp_path / "a.csv").parts[PRIVATE][""]
    assert (found.n, found.accuracy, found.ece) == (3573, 1.0, None)


def test_every_swap_of_two_labels_is_named():
    y = TABLE.label[KNOWN].astype(int)
    said = model(KNOWN).argmax(axis=1)
    for i in range(7):
        for j in range(i):
            order = np.arange(7)
            order[[i, j]] = order[[j, i]]
            found = find_order(y, order[said])
            assert found.swapped == {LABELS[i]: LABELS[j], LABELS[j]: LABELS[i]}
            assert not found.shuffled


def test_honest_models_are_not_suspected():
    y = TABLE.label[KNOWN].astype(int)
    for seed in range(100):
        found = find_order(y, model(KNOWN, 0.2 + 0.007 * seed, seed).argmax(axis=1))
        assert found.swapped == {} and not found.shuffled
    for constant in range(7):
        found = find_order(y, np.full(len(y), constant))
        assert found.swapped == {} and not found.shuffled


def test_alphabetical_columns_and_shuffled_rows_are_said(tmp_path):
    p = model(KNOWN)
    alphabetical = write(tmp_path / "a.csv", KNOWN_IDS, p[:, np.argsort(LABELS)])
    assert "CLASSES IN ANOTHER ORDER? 'sad' means neutral" in notes_of(alphabetical)
    shuffled = np.random.default_rng(1).permutation(p)
    assert "ROWS IN ANOTHER ORDER?" in notes_of(write(tmp_path / "b.csv", KNOWN_IDS, shuffled))


def test_rows_counted_from_one_or_within_private_test_are_said(tmp_path):
    p = model(ROWS)
    from_one = write(tmp_path / "a.csv", ROWS + 1, p, key="row")
    assert "the answers fit the rows -1 from these" in notes_of(from_one)
    within = ROWS[ROWS >= 32_298]
    path = write(tmp_path / "b.csv", within - 32_298, p[ROWS >= 32_298], key="row")
    with pytest.raises(DataError, match=r"training images.*fit the rows \+32,298 from these"):
        score_file(path)


def test_what_is_missing_is_named(tmp_path):
    entries = KNOWN[5:]
    found = notes_of(write(tmp_path / "a.csv", [IDS[k] for k in entries], model(entries)))
    first = IDS[KNOWN[0]]
    assert f"PublicTest: 5 of 3,589 images have no answer: {first}.jpg (row 28709)" in found


def test_a_split_that_reads_too_high_is_named(tmp_path):
    p = model(KNOWN)
    public = TABLE.usage[KNOWN] == 1
    p[public] = model(KNOWN, 0.7, 1)[public]
    assert "the accuracy on PublicTest is 0.1" in notes_of(write(tmp_path / "a.csv", KNOWN_IDS, p))


@pytest.mark.parametrize("learnt", [[], [1], [2], [1, 2]])
def test_answers_that_repeat_labels_nobody_sees_are_named(tmp_path, learnt):
    """A good reader says what most people see; of some splits this one has learnt the labels."""
    p = model(KNOWN, 0.9)
    clear = clear_majority(TABLE.votes)[KNOWN]
    seen = (clear != UNKNOWN) & ~np.isin(TABLE.usage[KNOWN], learnt)
    p[seen] = np.eye(7)[clear[seen]]
    notes = notes_of(write(tmp_path / "a.csv", KNOWN_IDS, p))
    assert [k for k, usage in ((1, "PUBLIC"), (2, "PRIVATE")) if f"{usage}TEST?" in notes] == learnt


def test_training_images_and_unknown_ids_are_left_out_and_said(tmp_path):
    entries = np.append(np.arange(3), ROWS)
    names = [*map(str, entries), "77777"]
    p = np.vstack([np.full((3, 7), 1 / 7), model(ROWS), np.full(7, 1 / 7)])
    found = notes_of(write(tmp_path / "a.csv", names, p, key="row"))
    assert "3 answers are for training images: not scored" in found
    assert f"1 rows do not name an image of FER-2013 (the first is row {len(names) + 1})" in found


def test_probabilities_that_do_not_sum_to_one_are_scored_and_said(tmp_path):
    p = model(KNOWN)
    p[7] *= 2
    found = notes_of(write(tmp_path / "a.csv", KNOWN_IDS, p))
    assert "the probabilities of 1 rows do not sum to 1 (row 9: 2)" in found
    scored = score_file(write(tmp_path / "b.csv", KNOWN_IDS, np.log(p)))
    assert scored.parts[PRIVATE][""].ece is None
    assert any("taken for scores" in note for note in scored.notes)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "holds no answers"),
        ("row,label\n", "holds no answers"),
        ("row,label\n32298,happy\n32298,sad\n", "row: 32298 is answered twice, in rows 2 and 3"),
        ("row,label\n32298,hapy\n", "'hapy' is not a class. Did you mean 'happy'"),
        ("row,label\n32298,7\n", "'7' is not a class.*or 0 to 6 in that order"),
        ("row,a,b,c,d,e,f,g\n32298,1,0,0,0,0,0,0\n", "which class a column stands for is not said"),
        ("row,angry,fear,happy,sad,surprise,neutral\n32298,1,0,0,0,0,0\n", "no column for disgust"),
        ("name,label\nx.jpg,happy\n", "no column names FER-2013's images"),
        ("label\nhappy\n", "no column names FER-2013's images"),
        ("row,label\n32298\n", "row 2: 1 cells, expected 2"),
        (
            "row,label\n5,happy\n",
            "has no answer for an image of val or test.*1 answers are for training",
        ),
        ("row,row\n1,2\n", "two columns have the same name: row, row"),
    ],
)
def test_what_cannot_be_scored_is_a_line(tmp_path, text, message):
    (tmp_path / "a.csv").write_text(text)
    with pytest.raises(DataError, match=message):
        score_file(tmp_path / "a.csv")


@pytest.mark.parametrize("cell", ["nan", "inf", "", "x"])
def test_a_probability_that_is_no_number_is_a_line(tmp_path, cell):
    header = ",".join(LABELS)
    (tmp_path / "a.csv").write_text(
        f"row,{header}\n32298,1,0,0,0,0,0,0\n32299,{cell},0,0,0,0,0,1\n"
    )
    with pytest.raises(DataError, match=f"angry, row 3: '{cell}' is not a finite number"):
        score_file(tmp_path / "a.csv")


def test_a_missing_or_foreign_file_is_a_line(tmp_path):
    with pytest.raises(DataError, match="no file has that name"):
        score_file(tmp_path / "a.csv")
    (tmp_path / "b").write_bytes(b"PAR1 and no more")
    with pytest.raises(DataError, match="is not a parquet file"):
        score_file(tmp_path / "b")


def test_parquet_is_read_as_csv_is(tmp_path):
    import pyarrow as pa
    import pyarrow.parquet as pq

    p = model(ROWS)
    columns = {"row": ROWS} | {name: p[:, k] for k, name in enumerate(LABELS)}
    pq.write_table(pa.table(columns), tmp_path / "a.parquet")
    same = write(tmp_path / "a.csv", ROWS, p, key="row")
    assert score_file(tmp_path / "a.parquet").parts[PRIVATE][""].accuracy == (
        score_file(same).parts[PRIVATE][""].accuracy
    )


def test_answers_may_be_kept_and_compared(tmp_path, workplace):
    (workplace / "dvc.yaml").touch()
    a = score_file(write(tmp_path / "a.csv", KNOWN_IDS, model(KNOWN, 0.5)))
    b = score_file(write(tmp_path / "b.csv", KNOWN_IDS, model(KNOWN, 0.6, 1)))
    assert [keep(a, "theirs"), keep(b, "others")] == ["scored/theirs", "scored/others"]
    from ferflow.records.record import find_records, load_records

    records = load_records()
    first, second = (find_records(f"scored/{n}", records) for n in ("theirs", "others"))
    found = compare(first, second)
    assert [c.n for c in found] == [3589, 3589]
    assert first[0].score("test", "accuracy") == pytest.approx(a.parts[PRIVATE][""].accuracy)


def test_answers_of_others_pair_with_runs_and_stand_apart_in_the_report(tmp_path, make_record):
    from ferflow.records.ensemble import make_ensemble
    from ferflow.records.record import find_records, load_records
    from ferflow.report.models_table import models
    from ferflow.report.others import others
    from ferflow.report.sections import ensembles
    from ferflow.report.standing import standings
    from ferflow.score.keep import answers_of

    Path("dvc.yaml").touch()
    p, q = model(KNOWN, 0.5), model(KNOWN, 0.6, 1)
    a = score_file(write(tmp_path / "a.csv", KNOWN_IDS, p))
    b = score_file(write(tmp_path / "b.csv", KNOWN_IDS, q))
    run = make_record("svm", answers=answers_of(a), protocol={"classes": LABELS})
    about = {"package": "theirs 1.0", "licence": "MIT", "chosen_on": "PrivateTest"}
    (theirs,) = find_records(keep(b, "theirs", about), load_records())
    (test,) = (found for found in compare([run], [theirs]) if found.split == "test")
    private = TABLE.usage[KNOWN] == 2
    right = [x[private].argmax(axis=1) == TABLE.label[KNOWN][private] for x in (p, q)]
    (mcnemar,) = test.tests
    assert mcnemar.only_a == (right[0] & ~right[1]).sum()
    assert mcnemar.only_b == (~right[0] & right[1]).sum()
    mixed = make_ensemble([run, theirs], name="both")
    expected = ((p + q)[private].argmax(axis=1) == TABLE.label[KNOWN][private]).mean()
    assert mixed.score("test", "accuracy") == pytest.approx(expected, abs=1e-3)
    assert mixed.protocol == {"classes": LABELS}
    records = load_records()
    grid = others(records)
    assert [row[:4] for row in grid.rows] == [
        ["`scored/theirs`", "theirs 1.0, MIT", "not known", "PrivateTest"]
    ]
    assert all(cell.startswith("0.") for cell in grid.rows[0][4:])
    assert "scored" not in str(models(records)) and len(ensembles(records).rows) == 1
    assert not any(row.recorded and row.claim.preset == "scored" for row in standings(records))
    assert others([run]) is None


def test_the_command_needs_no_workflow(tmp_path):
    path = write(tmp_path / "a.csv", KNOWN_IDS, model(KNOWN))
    code = (
        "import sys; from ferflow.cli import app\n"
        "try: app(['score', sys.argv[1]])\n"
        "except SystemExit as end: assert not end.code\n"
        "heavy = {'pandas', 'sklearn', 'scipy', 'pyarrow', 'torch', 'cv2', 'dvc', 'mlflow'}\n"
        "print('heavy:', *sorted(heavy & sys.modules.keys()))"
    )
    root = Path(__file__).parents[1]
    done = subprocess.run(
        [sys.executable, "-c", code, path],
        cwd=tmp_path,
        env={"PYTHONPATH": str(root), "COLUMNS": "120", "PATH": ""},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.splitlines()[-1] == "heavy:"
    assert "PrivateTest    " in done.stdout and "both agree" in done.stdout
