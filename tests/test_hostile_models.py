"""Models, networks and checkpoints from a stranger: no code runs, and nothing takes memory."""

import io
import json
import pickle
import shutil
import zipfile

import numpy as np
import pytest
import skops.io
import torch
from hostile import DEEP, Planted, peak
from safetensors.torch import save_file
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import QuantileTransformer, StandardScaler
from transformers import ResNetConfig, ResNetModel

from ferflow.aco.checkpoint import Checkpoint, DamagedCheckpointError
from ferflow.backbones.pretrained import load_pretrained, read_backbone
from ferflow.core.errors import DataError
from ferflow.download.labels import FER2013_LABELS
from ferflow.recognition.face_classifier import FaceClassifier
from ferflow.training.architectures import littlevgg
from ferflow.training.families.network import build_network
from ferflow.training.families.network.checkpoint import load_checkpoint
from ferflow.training.families.network.files import load_network
from ferflow.training.shared.classical.skops_files import load_model
from ferflow.training.shared.classifier import load_classifier
from ferflow.training.shared.family import family_module

pytestmark = pytest.mark.usefixtures("nothing_planted")

ROWS = np.random.default_rng(0).normal(size=(60, 4)).astype(np.float32)
CLASSES = np.arange(60) % 3


# --- scikit-learn's models


@pytest.fixture(scope="module")
def forest():
    return RandomForestClassifier(3, random_state=0).fit(ROWS, CLASSES)


def saved(model, folder):
    folder.mkdir(exist_ok=True)
    skops.io.dump(model, folder / "model.skops")
    return folder


def changed_tree(forest, **columns):
    """The forest with the root of its first tree changed."""
    tree = forest.estimators_[0].tree_
    state = tree.__getstate__()
    nodes = state["nodes"].copy()
    for name, value in columns.items():
        nodes[name][0] = value
    tree.__setstate__(state | {"nodes": nodes})
    return forest


@pytest.mark.parametrize(
    "columns",
    [
        {"left_child": 10**9, "right_child": 10**9},  # ended the process
        {"left_child": 0, "right_child": 0},  # never came back
        {"left_child": 1, "right_child": -1},
        {"right_child": -(10**9)},
        {"feature": 4},
        {"feature": -2},
    ],
)
def test_a_tree_that_leads_out_of_itself_is_refused(tmp_path, columns):
    evil = changed_tree(RandomForestClassifier(2, random_state=0).fit(ROWS, CLASSES), **columns)
    with pytest.raises(DataError, match="is not a valid model"):
        family_module("random_forest").load(saved(evil, tmp_path / "m"))


def test_a_forest_that_is_sound_is_loaded(tmp_path, forest):
    back = family_module("random_forest").load(saved(forest, tmp_path / "m"))
    assert np.array_equal(back.predict_proba(ROWS), forest.predict_proba(ROWS))


@pytest.mark.parametrize(
    ("column", "value"),
    [("left", 4_000_000_000), ("right", 0), ("feature_idx", 4), ("is_categorical", 1)],
)
def test_a_boosted_tree_that_leads_out_of_itself_is_refused(tmp_path, column, value):
    model = HistGradientBoostingClassifier(max_iter=2, min_samples_leaf=5).fit(ROWS, CLASSES)
    family = family_module("hist_gradient_boosting")
    family.load(saved(model, tmp_path / "m"))
    model._predictors[0][0].nodes[column][0] = value
    with pytest.raises(DataError, match="is not a valid model"):
        family.load(saved(model, tmp_path / "m"))


@pytest.mark.parametrize(
    ("name", "value"),
    [("_y", np.full(60, 10**9)), ("_y", np.zeros(3, int)), ("_fit_method", "kd_tree")],
)
def test_a_neighbour_of_no_class_is_refused(tmp_path, name, value):
    neighbors = KNeighborsClassifier(algorithm="brute").fit(ROWS, CLASSES)
    pipeline = Pipeline([("scale", StandardScaler().fit(ROWS)), ("classify", neighbors)])
    family = family_module("k_nearest_neighbors")
    family.load(saved(pipeline, tmp_path / "m"))
    setattr(neighbors, name, value)
    with pytest.raises(DataError, match="is not a valid model"):
        family.load(saved(pipeline, tmp_path / "m"))


def test_a_pipeline_holds_what_ours_do_and_nothing_else(tmp_path):
    odd = QuantileTransformer(n_quantiles=5).fit(ROWS)
    neighbors = KNeighborsClassifier(algorithm="brute").fit(ROWS, CLASSES)
    pipeline = Pipeline([("scale", odd), ("classify", neighbors)])
    with pytest.raises(
        DataError, match="holds a QuantileTransformer, which ferflow's models do not have"
    ):
        family_module("k_nearest_neighbors").load(saved(pipeline, tmp_path / "m"))


def rewritten(path, change):
    """A skops file with its schema changed."""
    with zipfile.ZipFile(path) as source:
        members = {name: source.read(name) for name in source.namelist()}
    schema = json.loads(members["schema.json"])
    members["schema.json"] = json.dumps(change(schema) or schema).encode()
    with zipfile.ZipFile(path, "w") as target:
        for name, content in members.items():
            target.writestr(name, content)


def test_a_skops_file_cannot_name_a_function(tmp_path, forest):
    path = saved(forest, tmp_path / "m") / "model.skops"
    kind = {"__class__": "mkdir", "__module__": "os", "__loader__": "FunctionNode"}
    rewritten(path, lambda schema: schema | kind | {"content": {"args": ["planted"]}})
    with pytest.raises(DataError, match="not a model that can be trusted"):
        load_model(path, RandomForestClassifier)


def test_a_skops_file_with_a_pickle_in_it_is_refused(tmp_path, forest):
    path = saved(forest, tmp_path / "m") / "model.skops"
    with zipfile.ZipFile(path) as source:
        members = {name: source.read(name) for name in source.namelist()}
    for name in members:
        if name.endswith(".npy"):
            members[name] = pickle.dumps(Planted())
    with zipfile.ZipFile(path, "w") as target:
        for name, content in members.items():
            target.writestr(name, content)
    with pytest.raises(DataError, match="not a model that can be trusted"):
        load_model(path, RandomForestClassifier)


def test_a_skops_file_that_unpacks_to_no_end_is_refused(tmp_path):
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_LZMA) as archive:
        archive.writestr("schema.json", "{}")
    (tmp_path / "a.skops").write_bytes(target.getvalue())
    with pytest.raises(DataError, match="packed in a way that is not read"):
        load_model(tmp_path / "a.skops", RandomForestClassifier)


# --- the folder of a classifier


@pytest.mark.parametrize(
    "change",
    [
        {"labels": []},
        {"labels": [1, 2]},
        {"labels": "angry"},
        {"labels": ["a", "b"]},  # of a model for seven
        {"labels": [*FER2013_LABELS, "eighth"], "family": "svm"},
        {"family": "../../x"},
        {"family": 3},
        {"meta": {}},
        {"meta": {"lighting": "no such"}},
        {"meta": {"lighting": "none", "features": {"method": "hog"}}},
        {"sha256": {"model.skops": "0"}},
        {"sha256": {"nowhere": "0"}},
        {"sha256": [1]},
        None,
    ],
)
def test_a_classifier_whose_parts_do_not_fit_is_refused(tmp_path, model_folder, change):
    folder = shutil.copytree(model_folder, tmp_path / "m")
    about = json.loads((folder / "classifier.json").read_text())
    text = json.dumps(about | change) if change is not None else DEEP.decode()
    (folder / "classifier.json").write_text(text)
    with pytest.raises(DataError):
        FaceClassifier(folder)


def test_a_mask_for_other_features_is_refused(tmp_path, model_folder):
    folder = shutil.copytree(model_folder, tmp_path / "m")
    np.save(folder / "mask.npy", np.ones(5, bool))
    about = json.loads((folder / "classifier.json").read_text()) | {"sha256": {}}
    (folder / "classifier.json").write_text(json.dumps(about))
    load_classifier(folder)  # alone it may be right
    with pytest.raises(DataError, match="the mask is for 5 features"):
        FaceClassifier(folder)


# --- networks


def network_folder(folder, **changes):
    folder.mkdir()
    about = {
        "architecture": "littlevgg",
        "options": {},
        "n_classes": 3,
        "side": 48,
        "scale": {"mean": 0.0, "std": 1.0},
    }
    (folder / "network.json").write_text(json.dumps(about | changes))
    torch.manual_seed(0)
    save_file(build_network("littlevgg", 3, {}).state_dict(), folder / "network.safetensors")
    return folder


def test_a_network_comes_back(tmp_path):
    network = load_network(network_folder(tmp_path / "m")).network
    assert type(network) is type(littlevgg.build(3, littlevgg.Options()))


@pytest.mark.parametrize(
    "changes",
    [
        {"n_classes": 900},
        {"n_classes": 10**12},
        {"side": 10**6},
        {"side": "x"},
        {"scale": {"mean": 0.0, "std": 0.0}},
        {"scale": {"mean": "0", "std": 1.0}},
        {"scale": []},
        {"architecture": "../x"},
        {"architecture": "finetune", "options": {"backbone": "stranger/network"}},
        {"architecture": "resnet", "options": {"embedding_size": 10**9}},
        {"architecture": "sepconv", "options": {"dense": [10**9]}},
        {"architecture": "widekernel", "options": {"filters": [10**6] * 4}},
        {"options": {"nothing": 1}},
    ],
)
def test_a_network_is_not_built_for_weights_that_are_not_there(tmp_path, changes):
    before = peak()
    with pytest.raises(DataError, match="holds no network that can be loaded"):
        load_network(network_folder(tmp_path / "m", **changes))
    assert peak() - before < 200 << 20


@pytest.fixture(scope="module")
def backbone(tmp_path_factory):
    folder = tmp_path_factory.mktemp("backbone") / "network"
    config = ResNetConfig(embedding_size=4, hidden_sizes=[4, 4], depths=[1, 1], layer_type="basic")
    ResNetModel(config).save_pretrained(folder)
    return folder


@pytest.mark.parametrize(
    "changes",
    [
        {"auto_map": {"AutoModel": "evil.Model"}},
        {"quantization_config": {"quant_method": "gptq"}},
        {"attn_implementation": "stranger/kernel"},
        {"transformers_weights": "parts.safetensors.index.json"},
        {"depths": [10**6, 1]},
        {"depths": [1] * 10**5},
        {"hidden_sizes": [10**9, 10**9]},
        {"hidden_sizes": [50_000, 50_000]},
        {"hidden_sizes": "abc"},
        {"hidden_act": "__import__('os').mkdir('planted')"},
        {"model_type": "no such"},
    ],
)
def test_a_backbone_that_brings_code_or_takes_memory_is_refused(tmp_path, backbone, changes):
    folder = shutil.copytree(backbone, tmp_path / "m")
    (folder / "evil.py").write_text("import os\nos.mkdir('planted')\nclass Model: pass\n")
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | changes))
    before = peak()
    with pytest.raises(DataError, match="cannot load") as caught:
        read_backbone(folder)
    assert len(str(caught.value).splitlines()) == 1
    assert peak() - before < 200 << 20


def test_a_backbone_in_parts_cannot_hold_a_pickle(tmp_path, backbone):
    folder = shutil.copytree(backbone, tmp_path / "m")
    (folder / "model.safetensors").unlink()
    torch.save({"weight": Planted()}, folder / "part.bin")
    index = {"metadata": {"total_size": 1}, "weight_map": {"weight": "part.bin"}}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))
    with pytest.raises(DataError, match="its weights are not in safetensors files"):
        read_backbone(folder)


@pytest.mark.parametrize("constants", [[], {"image_mean": "abc"}, {"image_std": [0, 0, 0]}])
def test_a_backbone_with_impossible_constants_is_refused(tmp_path, backbone, constants):
    from ferflow.core.hashing import sha256_of

    folder = shutil.copytree(backbone, tmp_path / "m")
    (folder / "preprocessor_config.json").write_text(json.dumps(constants))
    with pytest.raises(DataError, match=r"preprocessor_config\.json"):
        load_pretrained(str(folder), sha256_of(folder), "b", size=32, size_key="s")


# --- checkpoints


@pytest.mark.parametrize("about", [DEEP.decode(), "{", "9" * 5000])
def test_a_networks_checkpoint_that_is_none_is_refused(tmp_path, about):
    save_file({"a": torch.zeros(1)}, tmp_path / "checkpoint.safetensors", {"about": about})
    with pytest.raises(DataError, match=r"checkpoint\.safetensors is damaged"):
        load_checkpoint(tmp_path)


def test_a_colonys_checkpoint_that_is_packed_is_refused(tmp_path):
    saved_search = Checkpoint(tmp_path, {}, [])
    np.savez_compressed(saved_search.file.with_suffix(""), words=np.zeros(10**6))
    with pytest.raises(DamagedCheckpointError, match="packed, which ours never are"):
        saved_search.load_into(None)
