"""Models, records and parameters from a stranger: no code runs, and nothing takes memory."""

import io
import json
import os
import pickle
import resource
import shutil
import struct
import zipfile
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import skops.io
import torch
from safetensors.torch import save_file
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import QuantileTransformer, StandardScaler
from transformers import ResNetConfig, ResNetModel

from ferflow.aco.checkpoint import Checkpoint, DamagedCheckpointError
from ferflow.artifacts import load_split, read_json
from ferflow.classifier import load_classifier
from ferflow.data.labels import FER2013_LABELS
from ferflow.errors import DataError, ParamError, printable
from ferflow.face_classifier import FaceClassifier
from ferflow.families import family_module
from ferflow.masks import load_mask
from ferflow.networks import littlevgg
from ferflow.papers.compact import read_answers
from ferflow.papers.confusion import read_matrix
from ferflow.papers.records import read_record
from ferflow.params import parse_yaml, read_yaml
from ferflow.presets import load_preset, parse_setting
from ferflow.pretrained import load_pretrained, read_backbone
from ferflow.skops_files import load_model
from ferflow.train.network.checkpoint import load_checkpoint
from ferflow.train.network.files import load_network
from ferflow.train.network.params import build_network

DEEP = b"[" * 100_000
ROWS = np.random.default_rng(0).normal(size=(60, 4)).astype(np.float32)
CLASSES = np.arange(60) % 3


class Planted:
    """What runs when a pickle is opened."""

    def __reduce__(self):
        return os.mkdir, ("planted",)


@pytest.fixture(autouse=True)
def nothing_planted(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    yield
    assert not Path("planted").exists()


def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss << 10


# --- JSON and YAML


@pytest.mark.parametrize("content", [DEEP, b"9" * 5000, b"{", b"\xff", b""])
def test_a_json_that_is_none_is_refused(tmp_path, content):
    (tmp_path / "a.json").write_bytes(content)
    with pytest.raises(DataError, match=r"a\.json is not valid JSON"):
        read_json(tmp_path / "a.json")
    Path("p").mkdir()
    (tmp_path / "p" / "seed-0.json").write_bytes(content)
    with pytest.raises(DataError, match=r"is no record"):
        read_record(tmp_path / "p" / "seed-0.json")


def test_a_file_without_an_end_is_read_to_a_limit(tmp_path):
    (tmp_path / "p").mkdir()
    name = tmp_path / "p" / "seed-0.json"
    before = peak()
    for target, message in (("/dev/zero", "is no ordinary file"), ("hole", "is too large")):
        name.unlink(missing_ok=True)
        name.symlink_to(target)
        with (tmp_path / "p" / "hole").open("wb") as file:
            file.truncate(1 << 36)
        for read in (read_json, read_record, read_matrix, read_yaml, load_mask, read_answers):
            with pytest.raises((DataError, ParamError), match=message):
                read(name)
    assert peak() - before < 200 << 20


def test_aliases_of_aliases_are_refused(tmp_path):
    lines = ["a0: &a0 {x: 1}"]
    lines += [f"a{k}: &a{k} {{x: *a{k - 1}, y: *a{k - 1}}}" for k in range(1, 40)]
    (tmp_path / "a.yaml").write_text("\n".join(lines))
    with pytest.raises(ParamError, match="aliases"):
        read_yaml(tmp_path / "a.yaml")
    for text in ("&a [*a]", "a: &a {k: 1}\nb: {<<: *a}"):
        with pytest.raises(ValueError, match="aliases"):
            parse_yaml(text)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[" * 5_000, "nested too deeply"),
        ("a: 0x" + "f" * 9000, "64 binary digits"),
        ("a: !!python/object/apply:os.mkdir [planted]", "could not determine a constructor"),
        ("a: !!python/name:os.mkdir", "could not determine a constructor"),
        ("!!timestamp x", "timestamp"),
        ("!!int ''", "index out of range"),
        ("a: 2020-99-99", "month"),
    ],
)
def test_a_yaml_that_is_none_is_refused(tmp_path, text, message):
    (tmp_path / "a.yaml").write_text(text)
    with pytest.raises(ParamError, match=message) as caught:
        read_yaml(tmp_path / "a.yaml")
    assert len(str(caught.value).splitlines()) == 1
    with pytest.raises(ParamError, match="is not a YAML value"):
        parse_setting(f"balance.method={text}")


@pytest.mark.parametrize(
    "text",
    ["params: {}", "about: x", "about: x\nparams:", "about: x\nparams: {}\nneeds: y", "about: 1"],
)
def test_a_preset_that_is_none_is_named(workplace, text):
    (workplace / "presets" / "mine.yaml").write_text(text)
    with pytest.raises(ParamError, match=r"presets/mine\.yaml: "):
        load_preset("mine")


@pytest.mark.parametrize(
    "content",
    [b",", b"\0", b'a"' + b"x" * 140_000 + b'",b', b"[[1" + b"0" * 400 + b", 1], [1, 1]]"],
)
def test_a_matrix_that_is_none_is_refused(tmp_path, content):
    (tmp_path / "m").write_bytes(content)
    with pytest.raises(DataError):
        read_matrix(tmp_path / "m")


def test_a_message_cannot_steer_the_terminal():
    assert printable("a\x1b[2Jb\u202ec\rd\ne") == "a\\x1b[2Jb\\u202ec\\rd\ne"
    assert printable("Schön \u00a0 顔") == "Schön \u00a0 顔"
    assert len(printable("x" * 10**6)) < 3000


# --- arrays


def npy(header):
    text = header.encode()
    return b"\x93NUMPY\1\0" + struct.pack("<H", len(text)) + text


@pytest.mark.parametrize(
    "content",
    [
        npy("{'descr': '|b1', 'fortran_order': False, 'shape': (10000000000000,), }\n"),
        npy("{'descr': '|O', 'fortran_order': False, 'shape': (1,), }\n") + pickle.dumps(Planted()),
        npy("(" * 9000 + "\n"),
        npy("{'descr': '|b1', 'shape': (1,), 'fortran_order': os.mkdir('planted')}\n"),
        npy("{'descr': '|b1\0', 'fortran_order': False\n"),
        pickle.dumps(Planted()),
        b"",
    ],
)
def test_a_mask_that_is_none_is_refused(tmp_path, content):
    (tmp_path / "mask.npy").write_bytes(content)
    with pytest.raises(DataError, match=r"mask\.npy is no mask of features"):
        load_mask(tmp_path / "mask.npy")


def split_file(path, **changes):
    """A split of two rows, with other entries in its header."""
    words = {"dtype": "U8", "shape": [2, 0], "data_offsets": [24, 24]}
    header = {
        "__metadata__": {"labels": '["x", "y"]', "meta": "{}"},
        "y": {"dtype": "I64", "shape": [2], "data_offsets": [0, 16]},
        "x": {"dtype": "F32", "shape": [2, 1], "data_offsets": [16, 24]},
        "source_id": words,
        "transform": words,
        "group": words,
    }
    text = json.dumps(header | changes).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + bytes(24))
    return path


@pytest.mark.parametrize(
    "changes",
    [
        {"y": {"dtype": "I64", "shape": [10**12, 0], "data_offsets": [0, 0]}},
        {"y": {"dtype": "I64", "shape": [1 << 40], "data_offsets": [0, 1 << 43]}},
        {"y": {"dtype": "F32", "shape": [4], "data_offsets": [0, 16]}},
        {"x": {"dtype": "F32", "shape": [-2, -1], "data_offsets": [16, 24]}},
        {"__metadata__": {"labels": "[]", "meta": "{}"}},
        {"__metadata__": {"labels": "7", "meta": "{}"}},
        {"__metadata__": {"labels": DEEP.decode(), "meta": "{}"}},
    ],
)
def test_a_split_that_is_none_is_refused(tmp_path, changes):
    with pytest.raises(DataError, match="is no whole split file"):
        load_split(split_file(tmp_path / "a.safetensors", **changes))


def test_a_class_without_a_label_is_refused(tmp_path):
    path = split_file(tmp_path / "a.safetensors")
    content = path.read_bytes()
    path.write_bytes(content[:-24] + struct.pack("<qq", 1 << 60, -1) + bytes(8))
    with pytest.raises(DataError, match="its classes are not those of its labels"):
        load_split(path)


# --- parquet


def answers(path, n, label="a"):
    """n equal rows: a few bytes, whatever n."""

    def column(value):
        return pa.DictionaryArray.from_arrays(np.zeros(n, np.int32), pa.array([value]))

    values = {"split": "val", "image": 7, "label": label, "p_a": 0.5, "p_b": 0.5}
    table = pa.table({name: column(value) for name, value in values.items()})
    pq.write_table(table, path, compression="zstd", store_schema=False, write_statistics=False)
    return path


def test_rows_that_take_no_room_in_the_file_are_refused(tmp_path):
    path = answers(tmp_path / "a.parquet", 1_000_001)
    assert path.stat().st_size < 20_000
    with pytest.raises(DataError, match="more than 1,000,000 rows"):
        read_answers(path)


def test_a_long_word_in_every_row_is_kept_once(tmp_path):
    path = answers(tmp_path / "a.parquet", 3_000, label="x" * 500_000)  # 1.5 GB if it were copied
    before = peak()
    with pytest.raises(DataError, match="holds no predictions"):
        read_answers(path)
    assert peak() - before < 400 << 20


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
    with pytest.raises(DataError, match="holds no sound model"):
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
    with pytest.raises(DataError, match="holds no sound model"):
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
    with pytest.raises(DataError, match="holds no sound model"):
        family.load(saved(pipeline, tmp_path / "m"))


def test_a_pipeline_holds_what_ours_do_and_nothing_else(tmp_path):
    odd = QuantileTransformer(n_quantiles=5).fit(ROWS)
    neighbors = KNeighborsClassifier(algorithm="brute").fit(ROWS, CLASSES)
    pipeline = Pipeline([("scale", odd), ("classify", neighbors)])
    with pytest.raises(DataError, match="holds a QuantileTransformer, which no model of ours"):
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
    with pytest.raises(DataError, match="no model that can be trusted"):
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
    with pytest.raises(DataError, match="no model that can be trusted"):
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
    with pytest.raises(DataError, match="its weights lie in other files than safetensors"):
        read_backbone(folder)


@pytest.mark.parametrize("constants", [[], {"image_mean": "abc"}, {"image_std": [0, 0, 0]}])
def test_a_backbone_with_impossible_constants_is_refused(tmp_path, backbone, constants):
    from ferflow.hashing import sha256_of

    folder = shutil.copytree(backbone, tmp_path / "m")
    (folder / "preprocessor_config.json").write_text(json.dumps(constants))
    with pytest.raises(DataError, match=r"preprocessor_config\.json"):
        load_pretrained(str(folder), sha256_of(folder), "features.backbone")


# --- checkpoints


@pytest.mark.parametrize("about", [DEEP.decode(), "{", "9" * 5000])
def test_a_networks_checkpoint_that_is_none_is_refused(tmp_path, about):
    save_file({"a": torch.zeros(1)}, tmp_path / "checkpoint.safetensors", {"about": about})
    with pytest.raises(DataError, match="is no whole checkpoint"):
        load_checkpoint(tmp_path)


def test_a_colonys_checkpoint_that_is_packed_is_refused(tmp_path):
    saved_search = Checkpoint(tmp_path, {}, [])
    np.savez_compressed(saved_search.file.with_suffix(""), words=np.zeros(10**6))
    with pytest.raises(DamagedCheckpointError, match="packed, which ours never are"):
        saved_search.load_into(None)
