"""FER+'s labels in the place of FER-2013's: who joins, who leaves, what votes become."""

import re
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from ferflow.core.errors import DataError, ParamError
from ferflow.core.params import read_yaml
from ferflow.download import ferplus
from ferflow.download.ferplus import with_chosen_labels
from ferflow.download.labels import FER_PLUS_OFFER
from ferflow.download.sources import load_data, read_path
from ferflow.fer2013.labels import FER2013_LABELS, FERPLUS_COLUMNS
from ferflow.fer2013.table import USAGES, Table, pixel_hash
from ferflow.preprocess.clean import preprocess
from ferflow.preprocess.params import PreprocessParams
from ferflow.settings.check import check_params

ROOT = Path(__file__).parents[1]

pytestmark = pytest.mark.usefixtures("table")

N = 28  # pictures of the fixture `face_files`: four of each class
VOTES = {  # the first rows' votes; whoever is not named here is called what the source calls it
    0: {"anger": 4, "fear": 4, "neutral": 2},  # two in the lead
    1: {"NF": 6, "fear": 4},
    2: {"contempt": 5, "disgust": 3, "unknown": 2},
    3: {},
    4: {"sadness": 5, "neutral": 3, "contempt": 1, "unknown": 1},
}
LEFT = 4  # of them


@pytest.fixture
def faces(zip_of_faces):
    return read_path(zip_of_faces)


@pytest.fixture
def table(faces, monkeypatch):
    """The table of the 28 drawn faces, in the order of the reader, as if it were FER-2013's."""
    rows = faces.rows
    votes = np.zeros((N, len(FERPLUS_COLUMNS)), np.uint8)
    for row in range(N):
        for name, n in VOTES.get(row, {FERPLUS_COLUMNS[rows.y[row]]: 10}).items():
            votes[row, FERPLUS_COLUMNS.index(name)] = n
    hashes = np.array([int(pixel_hash(image), 16) for image in rows.x], np.uint64)
    entries = np.arange(N)
    made = Table(
        usage=np.array([USAGES.index(usage) for usage in faces.usage], np.uint8),
        label=rows.y.astype(np.int8),
        number=np.array([int(name.rsplit("_")[1]) for name in rows.source_id], np.int32),
        ferplus_name=entries.astype(np.int32),
        votes=votes,
        csv_hash=hashes ^ np.uint64(1),
        folder_hash=hashes,
        csv_twins=entries,
        folder_twins=entries,
    )
    monkeypatch.setattr(ferplus, "load_table", lambda: made)
    return made


def as_csv(path, faces, order=None):
    order = np.arange(N) if order is None else order
    lines = ["emotion,pixels,Usage"]
    for row in order:
        pixels = " ".join(map(str, faces.rows.x[row].ravel()))
        lines.append(f"{faces.rows.y[row]},{pixels},{faces.usage[row]}")
    path.write_text("\n".join(lines) + "\n")
    return path


def test_images_get_the_clear_majority_and_those_without_one_leave(faces, table, data_params):
    found, report = with_chosen_labels(faces, data_params(labels="ferplus"))
    rows = found.rows
    assert rows.source_id.tolist() == faces.rows.source_id[LEFT:].tolist()
    assert rows.labels == FER2013_LABELS and not rows.is_soft
    assert FER2013_LABELS[rows.y[0]] == "sad"
    assert rows.y[1:].tolist() == faces.rows.y[LEFT + 1 :].tolist()
    assert rows.meta["whose_labels"] == "FER+, clear majority of ten votes"
    about = report["ferplus"]
    assert about["n_joined"] == N
    assert about["left_out"] == {
        "without votes": 1,
        "with two answers in the lead": 1,
        "called contempt": 1,
        "called unknown": 0,
        "called no face": 1,
    }
    usage = faces.usage == "Training"
    in_lead = [bool(table.votes[k, faces.rows.y[k]] == table.votes[k].max()) for k in range(N)]
    voted = usage & (np.arange(N) != 3)
    assert about["agreement"]["Training"] == {
        "n": int(voted.sum()),
        "in_lead": np.array(in_lead)[voted].mean(),
        "n_clear": int(usage[LEFT:].sum()),
        "equal": (rows.y == faces.rows.y[LEFT:])[usage[LEFT:]].mean(),
    }


def test_contempt_may_be_an_eighth_class(faces, data_params):
    found, report = with_chosen_labels(
        faces, data_params(labels="ferplus_votes", ferplus_contempt=True)
    )
    assert found.rows.labels == (*FER2013_LABELS, "contempt")
    assert report["ferplus"]["left_out"]["without votes"] == 1
    assert "called contempt" not in report["ferplus"]["left_out"]
    k = found.rows.source_id.tolist().index(faces.rows.source_id[2])
    assert found.rows.y[k] == 7
    assert found.rows.targets[k].tolist() == [0, 0.375, 0, 0, 0, 0, 0, 0.625]


def test_votes_are_shares_of_those_for_a_class(faces, data_params):
    found, _ = with_chosen_labels(faces, data_params(labels="ferplus_votes"))
    assert found.rows.targets[0].tolist() == [0, 0, 0, 0, 0.625, 0, 0.375]
    assert (found.rows.targets.argmax(axis=1) == found.rows.y).all()
    assert found.rows.meta["whose_labels"] == "FER+, clear majority of ten votes"


def test_the_sources_own_labels_are_left_alone(faces, data_params):
    found, report = with_chosen_labels(faces, data_params())
    assert found is faces and report == {}


@pytest.mark.parametrize("order", ["as they are", "shuffled"])
def test_fer2013_csv_joins_by_row_or_else_by_pixels(tmp_path, faces, table, data_params, order):
    rows = np.arange(N)
    if order == "shuffled":
        rows = np.random.default_rng(0).permutation(N)
    table.votes[5:] = np.roll(table.votes[5:], 1, axis=0)  # whoever joins anyhow gets others' votes
    read = read_path(as_csv(tmp_path / "fer2013.csv", faces, rows))
    if order == "as they are":  # other pixels: only the row can tell
        read = replace(read, rows=replace(read.rows, x=255 - read.rows.x))
    found, _ = with_chosen_labels(read, data_params(labels="ferplus_votes"))
    kept = [row for row in rows if row >= LEFT]
    expected = table.votes[kept, :7] / table.votes[kept, :7].sum(axis=1, keepdims=True)
    assert found.rows.targets == pytest.approx(expected)


def test_pictures_under_other_names_join_by_pixels(tmp_path, faces, data_params, write_zip):
    files = {}
    for k, (image, y) in enumerate(zip(faces.rows.x, faces.rows.y, strict=True)):
        files[f"{FER2013_LABELS[y]}/im{k}.png"] = cv2.imencode(".png", image)[1].tobytes()
    read = read_path(write_zip(tmp_path / "own.zip", files))
    found, report = with_chosen_labels(read, data_params(labels="ferplus"))
    assert report["ferplus"]["n_joined"] == N and len(found.rows) == N - LEFT
    assert set(report["ferplus"]["agreement"]) == {"all"}


def test_other_peoples_images_are_refused(faces, data_params):
    others = replace(
        faces,
        rows=replace(
            faces.rows,
            x=255 - faces.rows.x,
            source_id=np.array([f"own_{k}" for k in range(N)]),
        ),
    )
    with pytest.raises(DataError, match=r"of 28 here, 0 are known .* set data.labels to source"):
        with_chosen_labels(others, data_params(labels="ferplus"))


def test_drawn_faces_have_no_votes(data_params):
    with pytest.raises(ValueError, match="needs FER-2013, whose images people voted on"):
        data_params(source="synthetic", labels="ferplus")


@pytest.fixture
def splits(zip_of_faces, data_params, monkeypatch):
    params = data_params(path=str(zip_of_faces), sha256="", labels="ferplus_votes")
    monkeypatch.setattr("ferflow.download.sources.check_sha256", lambda *_: None)
    return load_data(params, seed=0)


@pytest.mark.usefixtures("table")
def test_fer_plus_is_not_offered_to_who_takes_it(tmp_path, faces, data_params):
    as_csv(tmp_path / "fer2013.csv", faces)
    (tmp_path / "fer2013new.csv").write_text("Usage,Image name,NF\nTraining,fer0.png,4\n")
    read = read_path(tmp_path)
    assert FER_PLUS_OFFER in with_chosen_labels(read, data_params())[0].notes
    for labels in ("ferplus", "ferplus_votes"):
        found, _ = with_chosen_labels(read, data_params(labels=labels))
        assert [note[:5] for note in found.notes] == ["fer20", "FER+:"]


def test_the_report_of_the_data_says_so(splits):
    assert splits.report["ferplus"]["n_joined"] == N
    assert splits.report["official_counts"] is False  # of the source's own labels
    assert "Training: 2 images of 'angry', officially 3,995" in splits.report["warnings"]
    assert sum(splits.report["n"].values()) == N - LEFT
    assert all(split.is_soft for split in splits.splits.values())


def test_a_subset_of_classes_has_its_own_shares(splits):
    options = dict.fromkeys(PreprocessParams.model_fields, False)
    options |= dict.fromkeys(("max_black_white", "min_contrast", "min_texture"))
    options |= {"twin_distance": 8, "classes": ["sad", "happy", "fear"], "lighting": "none"}
    cleaned = preprocess(splits.splits, PreprocessParams(**options)).splits
    for split in cleaned.values():
        assert split.labels == ("fear", "happy", "sad")
        assert split.targets.sum(axis=1) == pytest.approx(1)
        assert (split.targets.argmax(axis=1) == split.y).all()
    assert cleaned["train"].targets.tolist()[0] != [0, 0, 0]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({}, ""),
        ({"train.family": "svm"}, "train.family svm learns one class per image"),
        ({"balance.method": "smote"}, "balance.method smote mixes rows of one class"),
        ({"data.source": "synthetic"}, "labels: ferplus_votes needs FER-2013"),
        ({"data.labels": "fer+"}, "must be 'source', 'ferplus' or 'ferplus_votes'; got 'fer"),
    ],
)
def test_what_cannot_be_is_refused_before_anything_runs(changes, message):
    params = read_yaml(ROOT / "presets/defaults.yaml") | {"preset": "own", "seed": 0}
    legal = {"data.source": "path", "data.labels": "ferplus_votes", "train.family": "network"}
    legal |= {"balance.method": "none", "features.method": "pixels", "selection.method": "none"}
    for key, value in (legal | changes).items():
        section, name = key.split(".")
        params[section][name] = value
    if not changes:
        check_params(params)
        return
    with pytest.raises(ParamError, match=re.escape(message)):
        check_params(params)


def test_networks_alone_learn_votes_and_balance_does_not_mix_them():
    from ferflow.balance.params import check_soft_method
    from ferflow.training.shared.params import check_soft, family_names

    check_soft("network")
    for family in set(family_names()) - {"network"}:
        with pytest.raises(ParamError, match="learns one class per image"):
            check_soft(family)
    for method in ("none", "random_oversampling", "random_undersampling"):
        check_soft_method(method)
    for method in ("smote", "adasyn", "smote_enn"):
        with pytest.raises(ParamError, match="mixes rows of one class"):
            check_soft_method(method)
