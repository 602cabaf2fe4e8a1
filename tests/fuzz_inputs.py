"""What each reader is given by the fuzzer: valid contents, and strategies that spoil them."""

import gzip
import io
import json
import os
import tarfile
import tempfile
import warnings
import zipfile
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pillow_heif
from film import write_film
from fuzz_changes import (
    ODD_VALUES,
    as_json,
    as_word,
    as_yaml,
    mutated,
    mutated_tree,
    plain_yaml,
    raw,
    short_json,
)
from hypothesis import strategies as st
from onnx_file import halves, write
from PIL import Image
from recognition_data import write_model

from ferflow.core.masks import save_mask
from ferflow.core.params import flatten, read_yaml
from ferflow.core.split import Split, save_split
from ferflow.core.yaml_text import parse_yaml
from ferflow.records.compact import Answers, write_answers
from ferflow.records.resampling import SCORES

ROOT = Path(__file__).parents[1]
FOLDER = Path(tempfile.gettempdir()) / f"ferflow-fuzz-{os.getpid()}"


def scratch() -> Path:
    """The folder in which files are made."""
    FOLDER.mkdir(exist_ok=True)
    return FOLDER


@cache
def onnx_file() -> bytes:
    nodes, tensors = halves()
    return bytes(write(scratch() / "halves.onnx", nodes, initializers=tensors).read_bytes())


@cache
def csv_file() -> bytes:
    rows = [b"emotion,pixels,Usage"]
    for k, usage in enumerate([b"Training", b"PublicTest", b"PrivateTest", b"Training"]):
        rows.append(b"%d," % k + b" ".join(b"%d" % (i % 256) for i in range(2304)) + b"," + usage)
    return b"\n".join(rows) + b"\n"


@cache
def pictures() -> dict[str, bytes]:
    face = np.arange(48 * 48, dtype=np.uint8).reshape(48, 48)
    suffixes = (".png", ".jpg", ".bmp", ".pgm", ".tiff", ".webp")
    return {suffix: cv2.imencode(suffix, face)[1].tobytes() for suffix in suffixes}


@cache
def telephone_pictures() -> list[bytes]:
    """HEIC, with one picture and with two, and AVIF."""
    pillow_heif.register_heif_opener()
    face = Image.fromarray(np.arange(48 * 48, dtype=np.uint8).reshape(48, 48))
    contents = []
    for form, others in (("HEIF", []), ("HEIF", [face]), ("AVIF", [])):
        target = io.BytesIO()
        face.save(target, form, save_all=bool(others), append_images=others)
        contents.append(target.getvalue())
    return contents


@cache
def videos() -> list[bytes]:
    frames = [np.full((48, 64), 40 * k, np.uint8) for k in range(5)]
    kinds = (
        ("a.mp4", "libx264"),
        ("a.mkv", "libx264"),
        ("a.webm", "libvpx-vp9"),
        ("a.avi", "mpeg4"),
    )
    paths = [write_film(scratch() / name, frames, np.arange(5) / 10, c) for name, c in kinds]
    return [path.read_bytes() for path in paths]


MEMBERS = st.one_of(
    st.sampled_from(["grin/1.png", "wink/1.jpg", "train/happy/Training_1.jpg", "fer2013.csv"]),
    st.sampled_from(["../x.png", "/x.png", "a\\..\\b.png", "C:x", "grin", "", ".", "\u202e.png"]),
    st.sampled_from(["CK+48/happy/S1_2_3.png", "train/sad/1.jpg", "validation/sad/1.jpg"]),
    st.sampled_from(["labels.csv", "labels.parquet", "test/grin/1.png"]),
    st.text(max_size=12),
)


LISTS = [b"path,label\ngrin/1.png,a\nwink/1.jpg,b\n", b'"file";"class"\n1.png;"', b"PAR1"]


@st.composite
def zips(draw: Any) -> bytes:
    """A zip of odd members; sometimes its bytes are changed afterwards."""
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        for _ in range(draw(st.integers(0, 4))):
            info = zipfile.ZipInfo(draw(MEMBERS).replace("\ud800", ""))
            info.compress_type = draw(st.sampled_from([0, 8, 8, 12, 14]))
            content = draw(st.sampled_from([*pictures().values(), csv_file(), *LISTS, b""]))
            with suppress(UnicodeError, ValueError), warnings.catch_warnings():
                warnings.simplefilter("ignore")  # a name that stands there already
                archive.writestr(info, content)
    content = target.getvalue()
    return draw(mutated(content)) if draw(st.booleans()) else content


@st.composite
def tars(draw: Any) -> bytes:
    """A tar.gz of odd members whose tar bytes are sometimes changed before they are packed."""
    target = io.BytesIO()
    kinds = [tarfile.REGTYPE] * 4 + [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.DIRTYPE, b"S", b"L"]
    form = draw(st.sampled_from([tarfile.PAX_FORMAT, tarfile.GNU_FORMAT]))
    with tarfile.open(fileobj=target, mode="w", format=form) as archive:
        for _ in range(draw(st.integers(0, 4))):
            content = draw(st.sampled_from([csv_file(), b"", b"x" * 600]))
            info = tarfile.TarInfo(draw(MEMBERS))
            info.type, info.linkname = draw(st.sampled_from(kinds)), draw(MEMBERS)
            info.size = len(content) if info.type == tarfile.REGTYPE else 0
            with suppress(UnicodeError, ValueError):  # names that cannot be written
                archive.addfile(info, io.BytesIO(content))
    content = target.getvalue()
    if draw(st.booleans()):
        content = draw(mutated(content))
    packed = gzip.compress(content, 1)
    return draw(mutated(packed)) if draw(st.integers(0, 3)) == 0 else packed


@cache
def params() -> dict[str, Any]:
    return read_yaml(ROOT / "params.yaml")


@cache
def params_file() -> bytes:
    return plain_yaml(params())


@cache
def preset_file() -> bytes:
    return b"about: a system\npaper: fernet\nneeds: CK+48\nparams:\n  balance: {method: none}\n"


@cache
def record_tree() -> dict[str, Any]:
    needed = [*SCORES, "n", "accuracy_low", "accuracy_high", "one_vs_rest_accuracy"]
    scores = dict.fromkeys(needed, 0.5)
    scores |= {"n": 10, "per_class": {"sad": {"recall": 1.0}}}
    return {
        "preset": "p",
        "variant": None,
        "seed": 0,
        "date": "2026-11-20T12:00:00+00:00",
        "metrics": {"val": scores, "test": scores},
        "intervals": {"test": {"accuracy": [0.4, 0.6]}},
        "protocol": {"data_set": "noise"},
        "predictions_sha256": "",
        "costs": {"train": {"seconds": 60.0}},
    }


@cache
def parquet_file() -> bytes:
    n, rng = 40, np.random.default_rng(0)
    p = rng.random((n, 3))
    p /= p.sum(axis=1, keepdims=True)
    answers = Answers(np.arange(n), rng.integers(0, 3, n), p, ["angry", "sad", "happy"])
    path = scratch() / "valid.parquet"
    write_answers(path, {"val": answers, "test": answers}, 15)
    return path.read_bytes()


@cache
def mask_file() -> bytes:
    save_mask(scratch() / "valid.npy", np.arange(20) % 2 == 0)
    return (scratch() / "valid.npy").read_bytes()


@cache
def split_file() -> bytes:
    words = np.array(["a", "b", "é"])
    split = Split(np.zeros((3, 4), np.float32), np.array([0, 1, 1]), words, words, ("x", "y"))
    save_split(scratch() / "valid.safetensors", split)
    return (scratch() / "valid.safetensors").read_bytes()


@cache
def model_folder() -> Path:
    return Path(write_model(scratch() / "valid-model", ROOT / "presets" / "defaults.yaml"))


@cache
def about_model() -> dict[str, Any]:
    return dict(json.loads((model_folder() / "classifier.json").read_text()))


@cache
def _model_bytes() -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in model_folder().iterdir()}


@st.composite
def model_changes(draw: Any) -> dict[str, bytes]:
    """Other content for some files of a model; classifier.json then vouches for none of them."""
    about = about_model() | {"sha256": {}}
    match draw(st.integers(0, 3)):
        case 0:
            return {"classifier.json": as_json(draw(mutated_tree(about_model())))}
        case 1:
            return {"classifier.json": draw(raw(as_json(about_model())))}
        case 2:
            return {
                "classifier.json": as_json(about),
                "model.skops": draw(mutated(_model_bytes()["model.skops"])),
            }
        case _:
            return {"classifier.json": as_json(about), "model.skops": draw(changed_schemas())}


@st.composite
def changed_schemas(draw: Any) -> bytes:
    """The model with another schema or an array changed."""
    source = zipfile.ZipFile(io.BytesIO(_model_bytes()["model.skops"]))
    changed = draw(st.sampled_from([*["schema.json"] * 3, *source.namelist()]))
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        for name in source.namelist():
            content = source.read(name)
            if name == changed == "schema.json":
                content = as_json(draw(mutated_tree(json.loads(content))))
            elif name == changed:
                content = draw(mutated(content))
            archive.writestr(name, content)
    return target.getvalue()


def strategies() -> dict[str, st.SearchStrategy[Any]]:
    """Reader -> what it is given."""
    figures = st.one_of(st.text(max_size=30), st.floats().map(str), st.integers().map(str))
    figures |= figures.map(lambda word: f"{word}%")
    keys = st.sampled_from([*flatten(params()), "data", "train.network.options.x", "", "preset"])
    values = st.one_of(st.text(max_size=30), ODD_VALUES.map(as_word), st.sampled_from(["&a [*a]"]))
    matrices = (b"a,b\n5,1\n2,4\n", b",x,y\nx,5,1\ny,2,4\n", b"[[5, 1], [2, 4]]")
    matrices += (b'{"labels": ["a", "b"], "matrix": [[5, 1], [2, 4]]}', b"5;1\n2;4", b"5\t1\n2\t4")
    numbers = st.lists(st.lists(ODD_VALUES, max_size=4), max_size=4)
    return {
        "csv": raw(csv_file()),
        "zip": zips(),
        "tar": tars(),
        "params text": raw(params_file(), preset_file()),
        "params tree": mutated_tree(params()),
        "preset": raw(preset_file())
        | mutated_tree(parse_yaml(preset_file().decode())).map(as_yaml),
        "setting": st.one_of(st.text(max_size=30), st.tuples(keys, values).map("=".join)),
        "matrix": raw(*matrices) | numbers.map(short_json),
        "figure": figures,
        "record": raw(as_json(record_tree())) | mutated_tree(record_tree()).map(short_json),
        "parquet": raw(parquet_file()),
        "mask": raw(mask_file()),
        "split": raw(split_file()),
        "picture": raw(*pictures().values(), *telephone_pictures()),
        "video": raw(*videos()),
        "model": model_changes(),
        "onnx": raw(onnx_file()),
    }


def valid() -> dict[str, Any]:
    """Reader -> something that it must accept: otherwise its mutations would show nothing."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for name in ("grin/1.png", "wink/1.png"):
            archive.writestr(name, pictures()[".png"])
    tarred = io.BytesIO()
    with tarfile.open(fileobj=tarred, mode="w:gz") as archive:
        info = tarfile.TarInfo("fer2013.csv")
        info.size = len(csv_file())
        archive.addfile(info, io.BytesIO(csv_file()))
    return {
        "csv": csv_file(),
        "zip": packed.getvalue(),
        "tar": tarred.getvalue(),
        "params text": params_file(),
        "params tree": params(),
        "preset": preset_file(),
        "setting": "balance.method=none",
        "matrix": b"a,b\n5,1\n2,4\n",
        "figure": "88.29%",
        "record": as_json(record_tree()),
        "parquet": parquet_file(),
        "mask": mask_file(),
        "split": split_file(),
        "picture": pictures()[".png"],
        "video": videos()[0],
        "model": {},
        "onnx": onnx_file(),
    }
