"""The family `pretrained`: somebody's image classifier, scored as it is published."""

import json
import shutil

import numpy as np
import pytest
import torch
import transformers
from PIL import Image
from training_rows import LABELS, training_data

from ferflow.core.errors import DataError, ParamError
from ferflow.core.hashing import sha256_of
from ferflow.core.params import PARAMS_FILE, read_yaml
from ferflow.download.drawn.synthetic import draw_faces
from ferflow.evaluation.protocol import describe
from ferflow.recognition.face_classifier import FaceClassifier
from ferflow.settings.check import check_params
from ferflow.settings.presets import use
from ferflow.training.families.pretrained import Params
from ferflow.training.families.pretrained.family import fit, load, predict_proba, save
from ferflow.training.families.pretrained.labels import match_labels
from ferflow.training.shared.classifier import Classifier, load_classifier, save_classifier

pytestmark = pytest.mark.usefixtures("one_thread")

FACES = draw_faces(LABELS, seed=0)
ROWS = FACES.reshape(len(FACES), -1)
HUB = ["Sad", "angry", "Disgust", "fear", "happy", "neutral", "surprise"]  # an order of their own
VIT = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2}
NETWORKS = {
    "vit": (
        "ViT",
        VIT | {"intermediate_size": 32, "image_size": 32, "patch_size": 8},
        {"image_processor_type": "ViTImageProcessor", "size": {"height": 32, "width": 32}}
        | {"image_mean": [0.4, 0.5, 0.6], "image_std": [0.2, 0.25, 0.3]},
    ),
    "mobilenet": (
        "MobileNetV2",
        {"depth_multiplier": 0.1, "image_size": 32},
        {"image_processor_type": "MobileNetV2ImageProcessor", "size": {"shortest_edge": 40}}
        | {"crop_size": {"height": 32, "width": 32}},
    ),
}


def publish(folder, kind, labels=HUB):
    """A folder as the hub has them: a tiny classifier with weights drawn, and its processor."""
    name, config, processor = NETWORKS[kind]
    names = dict(enumerate(labels))
    own = getattr(transformers, f"{name}Config")(
        **config, id2label=names, label2id={label: k for k, label in names.items()}
    )
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = getattr(transformers, f"{name}ForImageClassification")(own)
        for weights in network.parameters():
            if weights.ndim > 1:
                torch.nn.init.normal_(weights, std=0.3)
    network.save_pretrained(folder)
    (folder / "preprocessor_config.json").write_text(json.dumps(processor))
    return folder


@pytest.fixture(scope="module", params=NETWORKS)
def published(request, tmp_path_factory):
    return publish(tmp_path_factory.mktemp("hub") / request.param, request.param)


@pytest.fixture(scope="module")
def vit(tmp_path_factory):
    return publish(tmp_path_factory.mktemp("hub") / "vit", "vit")


def scored(folder, **changes):
    own = {"model": str(folder), "model_sha256": sha256_of(folder), "classes": {}, "batch_size": 3}
    return fit(training_data(ROWS, range(7)), Params(**own | changes), 0)


def theirs(folder):
    """Their probabilities in their own order, computed with transformers alone."""
    processor = transformers.AutoImageProcessor.from_pretrained(folder, backend="pil")
    network = transformers.AutoModelForImageClassification.from_pretrained(folder).eval()
    pictures = [Image.fromarray(face).convert("RGB") for face in FACES]
    with torch.no_grad():
        return network(**processor(pictures, return_tensors="pt")).logits.softmax(dim=1).numpy()


def test_it_answers_as_its_own_processor_and_network_do(published):
    found = scored(published)
    p = predict_proba(found.model, ROWS, 7)
    expected = theirs(published)
    assert expected.std() > 0.01  # else anything would be close
    order = [[name.lower() for name in HUB].index(label) for label in LABELS]
    assert np.allclose(p, expected[:, order], atol=1e-5)
    assert p.sum(axis=1) == pytest.approx(1)
    assert found.about["label_meanings"]["Sad"] == "sad"


def test_the_classifier_is_a_folder_of_its_own_and_names_faces(published, tmp_path):
    copy = shutil.copytree(published, tmp_path / "copy")
    p = predict_proba(scored(copy).model, ROWS, 7)
    mask = np.ones(48 * 48, dtype=bool)
    meta = {"lighting": "none", "trained_on": []}
    made = []
    for name in ("one", "two"):
        classifier = Classifier("pretrained", scored(copy).model, mask, LABELS, meta)
        save_classifier(tmp_path / name, classifier)
        made.append(sha256_of(tmp_path / name))
    assert made[0] == made[1]
    shutil.rmtree(copy)
    assert np.array_equal(load_classifier(tmp_path / "one").predict_proba(ROWS), p)
    assert np.allclose(FaceClassifier(tmp_path / "one")(FACES), p, atol=1e-6)


def test_labels_are_matched_by_name_and_by_the_map():
    matrix = match_labels(
        ["anger", "contempt", "HAPPY ", "joy", "sad"],
        ["happy", "sad", "angry"],
        {"anger": "angry", "contempt": None, "joy": "happy"},
    )
    assert matrix.tolist() == [[0, 0, 1], [0, 0, 0], [1, 0, 0], [1, 0, 0], [0, 1, 0]]


def test_labels_of_one_class_add_up_and_others_are_left_out(tmp_path):
    labels = ["joy", "contempt", *(label for label in LABELS)]
    folder = publish(tmp_path / "nine", "vit", labels)
    found = scored(folder, classes={"joy": "happy", "contempt": None})
    expected = theirs(folder)[:, [0, *range(2, 9)]]
    expected[:, 1 + LABELS.index("happy")] += expected[:, 0]
    expected = expected[:, 1:] / expected[:, 1:].sum(axis=1, keepdims=True)
    assert np.allclose(predict_proba(found.model, ROWS, 7), expected, atol=1e-5)
    assert found.about["label_meanings"]["contempt"] == "left out"


@pytest.mark.parametrize(
    ("names", "classes", "message"),
    [
        (
            ["anger", "happy"],
            {},
            r"'anger' .* not classes .*\(angry, happy\).*classes=\{anger: angry\}'",
        ),
        (["LABEL_0", "happy"], {}, r"classes=\{LABEL_0: \?\}'"),
        (["happy"], {}, "no label of the model stands for angry; it has happy"),
        (["angry", "happy"], {"hapy": "happy"}, "'hapy' is not a label .*Did you mean 'happy'"),
        (["angry", "joy"], {"joy": "hapy"}, "'hapy', which is not a class .*Did you mean 'happy'"),
    ],
)
def test_names_that_do_not_match_are_told_with_the_cure(names, classes, message):
    with pytest.raises(ParamError, match=message) as caught:
        match_labels(names, ["angry", "happy"], classes)
    assert len(str(caught.value).splitlines()) == 1


def test_rows_that_are_no_images_are_refused(vit):
    own = {"model": str(vit), "model_sha256": sha256_of(vit), "classes": {}, "batch_size": 3}
    with pytest.raises(DataError, match=r"features\.method to pixels"):
        fit(training_data(ROWS.astype(np.float32), range(7)), Params(**own), 0)


def test_a_network_without_a_trained_head_is_refused(tmp_path, vit):
    transformers.ViTModel.from_pretrained(vit).save_pretrained(tmp_path)
    shutil.copy(vit / "preprocessor_config.json", tmp_path)
    with pytest.raises(DataError, match=r"lacks weights \(classifier\..*not a trained classifier"):
        scored(tmp_path)


def test_without_its_processor_nothing_is_guessed(tmp_path, vit):
    folder = shutil.copytree(vit, tmp_path / "vit")
    (folder / "preprocessor_config.json").unlink()
    with pytest.raises(DataError, match=r"has no preprocessor_config\.json"):
        scored(folder)


def test_what_is_no_classifier_is_refused_in_one_line(tmp_path):
    with pytest.raises(DataError, match="there is no folder") as caught:
        fit_named(str(tmp_path / "none"))
    assert len(str(caught.value).splitlines()) == 1
    with pytest.raises(DataError, match="cannot load 'no/such' as an image classifier"):
        fit_named("no/such")


def fit_named(name):
    own = {"model": name, "model_sha256": None, "classes": {}, "batch_size": 3}
    return fit(training_data(ROWS, range(7)), Params(**own), 0)


def test_damaged_descriptions_are_refused(tmp_path, vit):
    save(scored(vit).model, tmp_path)
    for matrix in ([[1, 0]], [[2] * 7] * 7, "no"):
        (tmp_path / "pretrained.json").write_text(json.dumps({"matrix": matrix, "batch_size": 3}))
        with pytest.raises(DataError, match="does not describe a model"):
            load(tmp_path)


@pytest.mark.usefixtures("workplace")
def test_use_writes_the_fingerprint_and_check_asks_for_a_model(vit):
    plain = {"features.method": "pixels", "balance.method": "none", "selection.method": "none"}
    with pytest.raises(ParamError, match=r"train\.pretrained\.model is null"):
        use("quickstart", plain | {"train.family": "pretrained"})
    named = {"train.family": "pretrained", "train.pretrained.model": str(vit)}
    with pytest.raises(ParamError, match=r"features\.method to pixels, .*; got hog, none, none"):
        use("quickstart", plain | named | {"features.method": "hog"})
    use("quickstart", plain | named)
    params = read_yaml(PARAMS_FILE)
    check_params(params)
    assert params["train"]["pretrained"]["model_sha256"] == sha256_of(vit)


def test_the_protocol_says_that_nothing_was_fitted():
    about = {
        "data_set": "noise",
        "split": "official",
        "classes": list(LABELS),
        "classes_left_out": [],
        "filters_on_train": [],
        "filters_on_val_and_test": {},
        "trained_on": [],
        "left_out_without_twins": {},
    }
    assert "which images the model was trained on is not known" in describe(about)
    assert "not known" not in describe(about | {"trained_on": ["train"]})
