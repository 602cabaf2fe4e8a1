"""Two data sets that are not FER-2013, through every stage, MLflow and `predict`."""

import json

import cv2
import pytest
from repository import SMALL

from ferflow.download.drawn.synthetic import draw_faces
from ferflow.download.labels import CKPLUS_LABELS
from ferflow.tracking.names import legal_part

ODD = {"happy": "happy (posed)", "sad": "sad, tired", "surprise": "50% surprise"}
QUICK = ["features.method=hog", "selection.method=k_best", "selection.n_features=50"]


@pytest.fixture
def data(tmp_path):
    """Write pictures of drawn faces: name -> expression."""

    def write(faces):
        folder = tmp_path / "own data"
        for (name, _), face in zip(
            faces.items(), draw_faces(list(faces.values()), seed=5), strict=True
        ):
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            cv2.imwrite(str(folder / name), face)
        return folder

    return write


@pytest.mark.long
def test_folders_with_splits_and_names_of_their_own_go_through_the_chain(own, data):
    faces = {
        f"{part}/{name}/im{i}.jpg": expression
        for part, n in (("train", 30), ("test", 10))
        for expression, name in ODD.items()
        for i in range(n)
    }
    folder = data(faces)
    (folder / "README.md").write_text("mine")
    own.use("quickstart", *SMALL, *QUICK, f"data.path={folder}")
    stages, printed = own.repro()
    assert stages[0] == "download" and stages[-1] == "track", printed
    assert "left out, not pictures: README.md" in printed
    scores = json.loads(own.text("metrics/metrics.json"))
    assert sorted(scores["protocol"]["classes"]) == sorted(ODD.values())
    assert scores["test"]["n"] == 30 and scores["test"]["accuracy"] > 0.6
    _, run = own.present_run()
    assert run.info.status == "FINISHED"
    for name, per_class in scores["test"]["per_class"].items():
        assert run.data.metrics[f"test/per_class/{legal_part(name)}/f1"] == per_class["f1"]
    model = ["--model", "models/classifier"]
    answer = own.ferflow(
        "predict", *model, "--no-detect", "--json", str(folder / next(iter(faces)))
    )
    assert "happy (posed)" in answer
    (folder / ".DS_Store").write_bytes(b"of the system")
    own.use("quickstart", *SMALL, *QUICK, f"data.path={folder}")
    (folder / "test" / "Thumbs.db").write_bytes(b"of the system")
    text = own.text("params.yaml").replace("val_fraction: 0.2", "val_fraction: 0.3")
    (own.folder / "params.yaml").write_text(text, encoding="utf-8")
    stages, printed = own.repro("download")
    assert stages == ["download"], printed


@pytest.mark.long
def test_ckplus_and_a_map_of_its_names_go_through_the_chain(own, data):
    drawn = ("angry", "neutral", "disgust", "fear", "happy", "sad", "surprise")
    faces = {
        f"CK+48/{label}/S{subject:03d}_{number:03d}_{frame:08d}.png": expression
        for number, (label, expression) in enumerate(zip(CKPLUS_LABELS, drawn, strict=True))
        for subject in range(12)
        for frame in (9, 10, 11)
    }
    names = "data.classes_map={anger: angry, sadness: sad}"
    settings = ["train.svm.max_iter=50", names, f"data.path={data(faces)}"]
    own.use("svm-ckplus", *settings, "data.n_folds=3")
    stages, printed = own.repro()
    assert stages[0] == "download" and stages[-1] == "track", printed
    scores = json.loads(own.text("metrics/metrics.json"))
    assert scores["protocol"]["classes"] == [
        "angry",
        "contempt",
        "disgust",
        "fear",
        "happy",
        "sad",
        "surprise",
    ]
    assert "subjects on one side" in scores["protocol"]["split"]
    assert scores["test"]["n"] == 84
    _, run = own.present_run()
    assert run.data.params["data.classes_map.anger"] == "angry"
