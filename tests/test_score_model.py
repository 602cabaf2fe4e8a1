"""`ferflow score --model`: models of others are run as stated, and nothing is guessed."""

import json
import shutil

import cv2
import numpy as np
import pytest
import torch
from onnx_file import LEVELS, network
from test_pretrained import publish
from typer.testing import CliRunner

from ferflow.backbones import onnx_session
from ferflow.cli import app
from ferflow.core.errors import DataError, ParamError
from ferflow.fer2013.labels import FER2013_LABELS
from ferflow.fer2013.table import UNKNOWN, load_table
from ferflow.recognition.recognizer import BUNDLED
from ferflow.score import weight
from ferflow.score.models import open_model
from ferflow.score.run import score_model
from ferflow.score.score import WITHOUT_TWINS
from ferflow.score.stated import Stated
from ferflow.score.weight import weigh

TABLE = load_table()
PRIVATE = np.flatnonzero((TABLE.usage == 2) & (TABLE.label != UNKNOWN))
PUBLIC = np.flatnonzero((TABLE.usage == 1) & (TABLE.label != UNKNOWN))
N = 70  # images: more than a batch
LABELS = "neutral,happiness,sad,anger,fear,surprise,disgust"
STATED = Stated(size=8, channels="grey", scale="0-1", labels=LABELS)


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr(weight, "_SECONDS", 0.0)
    monkeypatch.setattr(weight, "_LEAST", 1)


@pytest.fixture(scope="module")
def images(tmp_path_factory):
    """PrivateTest in small: each picture one grey level, that of its class; a tenth of another."""
    folder = tmp_path_factory.mktemp("data") / "fer2013"
    for k, entry in enumerate([*PRIVATE[:N], PUBLIC[0]]):
        path = folder / "test" / f"{TABLE.source_ids()[entry]}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        level = LEVELS[(TABLE.label[entry] + (k % 10 == 0)) % 7]
        cv2.imwrite(str(path), np.full((48, 48), level, np.uint8))
    train = folder / "train"
    for label in FER2013_LABELS:
        (train / label).mkdir(parents=True)
        cv2.imwrite(str(train / label / "Training_1.png"), np.zeros((48, 48), np.uint8))
    return folder


def right(ran):
    """Accuracy on PrivateTest; a tenth of the pictures shows another class."""
    found = ran.scored.parts["PrivateTest"][""]
    assert found.n == N
    return found.accuracy


@pytest.mark.parametrize(
    ("shape", "changes"),
    [
        (("n", 1, 8, 8), {}),
        (("n", 8, 8, 3), {"channels": None, "size": None}),
        ((1, 3, 8, 8), {"channels": "rgb"}),
        (("n", "c", "h", "w"), {"layout": "nchw"}),
        (("n", 96, "w", 1), {"size": 96}),
    ],
)
def test_a_foreign_file_answers_as_stated(tmp_path, images, shape, changes):
    stated = Stated(**vars(STATED) | changes)
    ran = score_model(network(tmp_path / "a.onnx", shape), stated, images)
    assert right(ran) == pytest.approx(0.9)
    assert "its outputs are scores: softmax was taken" in ran.scored.notes
    assert ran.scored.notes[0].startswith("images are named by what lies in fer2013 (")
    assert ran.weight.parameters == 7 * 7 + 7 and ran.weight.multiply_adds == 7 * 7
    assert list(ran.weight.faces_per_second) == ([1] if shape[0] == 1 else [1, 64])


@pytest.mark.parametrize("scale", ["0-255", "-1-1"])
def test_a_wrong_scale_is_another_accuracy(tmp_path, images, scale):
    file = network(tmp_path / "a.onnx", maximum=255)
    expected = 0.9 if scale == "0-255" else None
    found = right(score_model(file, Stated(**vars(STATED) | {"scale": scale}), images))
    assert found == pytest.approx(0.9) if expected else found < 0.4


@pytest.mark.parametrize(
    "metadata",
    [
        {"labels": LABELS},
        {"classes": json.dumps(LABELS.split(","))},
        {"names": str(dict(enumerate(LABELS.split(","))))},
        {"id2label": json.dumps(dict(enumerate(LABELS.split(","))))},
    ],
)
def test_a_files_own_labels_are_taken(tmp_path, images, metadata):
    file = network(tmp_path / "a.onnx", labels=metadata, scores=False)
    ran = score_model(file, Stated(scale="0-1"), images)
    assert right(ran) == pytest.approx(0.9)
    assert {"its outputs are probabilities", "labels are by the file's metadata"} <= set(
        ran.scored.notes
    )


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (None, "does not say what its 7 outputs are. Name them in their order: --labels"),
        ("angry,fear", r"--labels: 2 labels for 7 outputs\. Legal: angry, disgust"),
        (LABELS.replace("sad", "sat"), "'sat' is not a class of FER-2013. Did you mean 'sad'"),
        (LABELS.replace("sad", "-"), "no output stands for sad"),
        (LABELS.replace("sad", "happy"), "two outputs stand for happy"),
    ],
)
def test_labels_are_never_guessed(tmp_path, labels, message):
    file = network(tmp_path / "a.onnx")
    with pytest.raises(ParamError, match=message):
        open_model(file, Stated(**vars(STATED) | {"labels": labels}))


@pytest.mark.parametrize(
    ("shape", "changes", "message"),
    [
        (("n", 1, 8, 8), {"size": 9}, r"--input-size 9: .*a\.onnx takes 8\. Leave"),
        (("n", 1, 8, 8), {"channels": "rgb"}, "--channels rgb: .* takes grey"),
        (("n", 1, 8, 8), {"layout": "nhwc"}, "--layout nhwc: .* takes nchw"),
        (("n", 1, 8, 8), {"scale": None}, "not say its scale. Set --scale: 0-1, -1-1, 0-255"),
        (("n", "c", "h", "w"), {}, "not say its layout. Set --layout: nchw, nhwc"),
        (("n", 1, "h", "w"), {"size": None}, "not say its size. Set --input-size: 8 to 1024"),
    ],
)
def test_preparation_is_never_guessed(tmp_path, shape, changes, message):
    file = network(tmp_path / "a.onnx", shape)
    with pytest.raises(ParamError, match=message):
        open_model(file, Stated(**vars(STATED) | changes))


@pytest.mark.parametrize(
    ("shape", "message"),
    [
        (("n", 1, 10**6, 10**6), "takes images of 1000000 pixels; legal: 8 to 1024"),
        (("n", 1, 8, 16), "takes images of 8x16; expected a square"),
        (("n", 5, 8, 8), "expected 1 or 3 channels"),
        (("n", 64), "expected four axes, of images"),
        ((9, 1, 8, 8), "takes just 9 images at a time; expected 1 or any number"),
    ],
)
def test_other_inputs_are_refused(tmp_path, shape, message):
    with pytest.raises((DataError, ParamError), match=message):
        file = network(tmp_path / "a.onnx", shape)
        open_model(file, Stated(scale="0-1", labels=LABELS))


@pytest.mark.parametrize("outside", ["../secret.bin", "/etc/passwd", "w.bin"])
def test_tensors_in_other_files_are_not_read(tmp_path, outside):
    (tmp_path / "in").mkdir()
    for place in ("secret.bin", "in/w.bin"):
        np.eye(7, dtype=np.float32).tofile(tmp_path / place)
    file = network(tmp_path / "in/a.onnx", external=outside)
    with pytest.raises(DataError, match=r"a\.onnx is not an ONNX file that can be run"):
        open_model(file, STATED)


def test_a_file_too_large_or_of_no_classes_is_refused(tmp_path, monkeypatch):
    file = network(tmp_path / "a.onnx", outputs=3)
    with pytest.raises(DataError, match="no output with seven numbers or more an image"):
        open_model(file, STATED)
    monkeypatch.setattr(onnx_session, "MAX_BYTES", 100)
    with pytest.raises(DataError, match="at most 100 bytes"):
        open_model(file, STATED)


def test_the_bundled_network_needs_no_options_and_takes_none():
    file = BUNDLED.with_suffix(".onnx")
    found = weigh(file, open_model(file, Stated(), 1), np.zeros((1, 48, 48), np.uint8))
    assert found.parameters == pytest.approx(2_170_000, rel=0.01)
    assert found.multiply_adds == pytest.approx(136.6e6, rel=0.01)
    assert found.bytes == file.stat().st_size and list(found.faces_per_second) == [1, 64]
    with pytest.raises(ParamError, match=r"--scale is not needed: .* says itself what it takes"):
        open_model(file, Stated(scale="0-1"))


def test_a_folder_of_train_is_a_model_too(model_folder, images):
    ran = score_model(model_folder, Stated(), images)
    assert right(ran) > 0 and ran.weight.parameters is None


# --- folders of transformers


@pytest.fixture(scope="module")
def vit(tmp_path_factory):
    return publish(tmp_path_factory.mktemp("hub") / "vit", "vit")


def test_a_folder_of_transformers_answers_as_its_own_processor_and_network_do(vit, images):
    import transformers
    from PIL import Image

    ran = score_model(vit, Stated(), images)
    net = transformers.AutoModelForImageClassification.from_pretrained(vit).eval()
    processor = transformers.AutoImageProcessor.from_pretrained(vit, backend="pil")
    ids = [TABLE.source_ids()[k] for k in PRIVATE[:N]]
    pictures = [Image.open(images / "test" / f"{name}.png").convert("RGB") for name in ids]
    with torch.no_grad():
        said = net(**processor(pictures, return_tensors="pt")).logits.argmax(dim=1).tolist()
    words = [net.config.id2label[k].lower() for k in said]
    truth = [name.partition("/")[0] for name in ids]
    assert right(ran) == pytest.approx(np.mean([a == b for a, b in zip(words, truth, strict=True)]))
    assert "images are prepared by preprocessor_config.json" in ran.scored.notes
    assert ran.weight.parameters == sum(p.numel() for p in net.parameters())
    assert ran.weight.multiply_adds > 16 * 3 * 8 * 8 * 16  # the patches alone
    with pytest.raises(ParamError, match=r"--input-size is not needed: preprocessor_config\.json"):
        open_model(vit, Stated(size=32))
    with pytest.raises(ParamError, match="no output stands for sad"):
        open_model(vit, Stated(labels="angry,disgust,-,fear,happy,neutral,surprise"))


def test_a_folder_without_a_processor_is_prepared_as_stated(tmp_path, vit, images):
    bare = shutil.copytree(vit, tmp_path / "bare")
    (bare / "preprocessor_config.json").unlink()
    with pytest.raises(ParamError, match=r"bare does not say its scale\. Set --scale"):
        open_model(bare, Stated())
    with pytest.raises(ParamError, match=r"--input-size 64: .*bare takes 32"):
        open_model(bare, Stated(size=64, scale="0-1"))
    assert right(score_model(bare, Stated(scale="0-1"), images)) >= 0


def test_a_folder_of_other_names_asks_for_labels(tmp_path):
    folder = publish(tmp_path / "vit", "vit", [f"LABEL_{k}" for k in range(7)])
    with pytest.raises(ParamError, match=r"'LABEL_0' is not a class of FER-2013.*--labels"):
        open_model(folder, Stated())


def test_what_is_no_model_is_a_line(tmp_path):
    with pytest.raises(DataError, match=r"does not exist. Legal for --model: an ONNX file"):
        open_model(tmp_path / "nothing", Stated())
    with pytest.raises(DataError, match=r"has no config\.json\. Legal for --model"):
        open_model(tmp_path, Stated())
    (tmp_path / "a.onnx").write_bytes(b"no model")
    with pytest.raises(DataError, match="is not an ONNX file that can be run"):
        open_model(tmp_path / "a.onnx", Stated())


# --- the command


def call(*words):
    done = CliRunner().invoke(app, ["score", *map(str, words)])
    return done, str(done.exception)


def test_the_command_prints_figures_and_keeps_a_record(workplace, images):
    from ferflow.records.record import find_records, load_records

    (workplace / "dvc.yaml").touch()
    file = network(workplace / "a.onnx")
    words = ["--model", file, "--data", images, "--scale", "0-1", "--labels", LABELS]
    about = ["--about", "package=theirs 1.0", "--about", "chosen_on=PrivateTest"]
    done, error = call(*words, "--record", "theirs", *about)
    assert done.exit_code == 0, error
    assert f"{N} " in done.output and "0.900" in done.output
    assert "56 parameters" in done.output and "faces a second in batches of 64" in done.output
    (record,) = find_records("scored/theirs", load_records())
    assert record.score("test", "accuracy") == pytest.approx(0.9)
    assert record.protocol["about"] == {"package": "theirs 1.0", "chosen_on": "PrivateTest"}
    kept = record.stages["model"]
    assert (kept["file"], kept["parameters"], kept["multiply_adds"]) == ("a.onnx", 56, 49)
    assert set(kept["faces_per_second"]) == {"1", "64"} and record.hardware["cores"]
    alone = score_model(file, STATED, images).scored.parts["PrivateTest"][WITHOUT_TWINS]
    assert record.score("test_without_twins", "accuracy") == pytest.approx(alone.accuracy)
    assert record.score("test_without_twins", "n") == alone.n < N


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "name a file of answers, or a model with --model; got neither"),
        (["a.csv", "--model", "a.onnx"], "got both"),
        (["a.csv", "--scale", "0-1"], "--scale is not needed: a.csv is a file of answers"),
        (["--model", "a.onnx", "--scale", "2"], "--scale must be one of"),
        (["--model", "b.onnx"], "data.source of params.yaml is synthetic. Name FER-2013's images"),
        (["--model", "b.onnx", "--data", "none"], "none"),
    ],
)
def test_the_commands_errors_are_lines(workplace, words, message):
    network(workplace / "a.onnx")
    network(workplace / "b.onnx", labels={"labels": LABELS})
    if "b.onnx" in words:
        words = [*words, "--scale", "0-1"]
    done, error = call(*words)
    assert done.exit_code and message in error
    assert isinstance(done.exception, ParamError | DataError | OSError)


def test_about_is_a_key_and_text():
    from ferflow.score.keep import parse_about

    for wrong in (["licence"], ["=x"], ["A b=x"], ["a="], ["a=1", "a=2"]):
        with pytest.raises(ParamError, match="--about is KEY=TEXT"):
            parse_about(wrong)
    assert parse_about(["a=b=c"]) == {"a": "b=c"}
