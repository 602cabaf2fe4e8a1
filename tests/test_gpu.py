"""Networks trained on another machine: the script by itself, and `ferflow record --from`."""

import hashlib
import json
import re
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from benchmarks import gpu
from benchmarks.gpu import IMAGES, ORDER, most_seconds
from benchmarks.gpu_pack import _check, write_images, write_job
from ferflow.augment.copies import augment
from ferflow.augment.params import AugmentParams
from ferflow.core.errors import DataError, FerflowError
from ferflow.core.masks import save_mask
from ferflow.core.params import PARAMS_FILE, read_yaml
from ferflow.core.paths import PREPROCESSED, RAW
from ferflow.core.split import save_split
from ferflow.download.sources import draw_data_set
from ferflow.images.lighting import correct_lighting
from ferflow.runs import elsewhere
from ferflow.settings.presets import preset_names, use
from ferflow.training.families.network.answers import save_answers
from ferflow.training.families.network.family import fit
from ferflow.training.shared.params import load_family

ROOT = Path(__file__).parents[1]
# what the usual GPU image lacks
ABSENT = (
    "dvc",
    "kornia",
    "mlflow",
    "pandas",
    "pydantic",
    "ruamel",
    "sklearn",
    "scipy",
    "tqdm",
    "yaml",
)
SMALL = {  # two batches an epoch
    "data.source": "synthetic",
    "data.n_synthetic": 200,
    "train.network.epochs": 2,
    "train.network.batch_size": 80,
    "train.network.precision": "float32",
}
SMALL_RESNET = SMALL | {
    "train.network.options.embedding_size": 4,
    "train.network.options.hidden_sizes": [4, 8],
    "train.network.options.depths": [2, 1],
    "train.network.options.input_size": 24,
    "train.network.ema_decay": 0.9,
    "train.network.mixup": 0.2,
    "train.network.teachers": [],
    "preprocess.lighting": "equalize",
    "augment.copies": [{"turn_degrees": 90}],
    "augment.fill_rare": "crop_pad_flip",
    "train.network.batch_size": 400,
}
SCRIPT = """
import runpy, sys
for name in {absent!r}:
    sys.modules[name] = None
sys.argv = ["gpu", *{words!r}]
import torch
torch.set_num_threads(1)
runpy.run_module("benchmarks.gpu", run_name="__main__")
"""


def prepare(folder, preset, settings):
    """The files of a finished chain up to its features, as far as a training reads them."""
    for name in ("ferflow", "stages"):
        (folder / name).symlink_to(ROOT / name)
    shutil.copy(ROOT / "dvc.yaml", folder)
    use(preset, settings)
    params = read_yaml(PARAMS_FILE)
    raw = draw_data_set(params["data"]["n_synthetic"], seed=0)
    for name, split in raw.items():
        kept = split.take(np.arange(len(split)) % 9 != 4)
        kept = replace(kept, x=correct_lighting(kept.x, params["preprocess"]["lighting"]))
        save_split(RAW / f"{name}.safetensors", split)
        save_split(PREPROCESSED / f"{name}.safetensors", kept)
        if name == "train":
            copies = AugmentParams.model_validate(params["augment"])
            save_split(Path("data/balanced/train.safetensors"), augment(kept, copies, seed=0))
        else:
            save_split(Path(f"data/features/{name}.safetensors"), kept)
    Path("data/selected").mkdir()
    save_mask(Path("data/selected/mask.npy"), np.ones(48 * 48, np.bool_))
    return params, raw


def train_there(*words, ok=True):
    """`benchmarks.gpu train`, where nothing but the usual packages can be imported."""
    script = SCRIPT.format(absent=ABSENT, words=["train", *map(str, words)])
    done = subprocess.run(
        [sys.executable, "-c", script], check=False, capture_output=True, text=True
    )
    assert (done.returncode == 0) == ok, done.stdout + done.stderr
    return done.stdout + done.stderr


@pytest.fixture
def packed(tmp_path, monkeypatch):
    """A function that prepares a chain, packs its preset, and goes to its folder."""

    def make(preset="best", settings=SMALL_RESNET):
        monkeypatch.delenv("DVC_ROOT", raising=False)
        monkeypatch.setenv("PYTHONPATH", str(ROOT))
        chain = tmp_path / "chain"
        (chain / "presets").mkdir(parents=True)
        for file in (ROOT / "presets").glob("*.yaml"):
            shutil.copy(file, chain / "presets")
        monkeypatch.chdir(chain)
        params, raw = prepare(chain, preset, settings)
        parts = {name: raw[name] for name in ("train", "val")}
        write_job(tmp_path / "pack", params, parts)
        write_images(tmp_path / "pack" / IMAGES, np.concatenate([s.x for s in parts.values()]))
        return tmp_path / "pack"

    return make


@pytest.fixture
def run(packed, tmp_path):
    """The folder of a preset that was trained elsewhere, with answers to learn from."""
    train = draw_data_set(SMALL["data.n_synthetic"], seed=0)["train"]
    p = np.random.default_rng(0).dirichlet(np.ones(len(train.labels)), len(train))
    answers = tmp_path / "answers.safetensors"
    save_answers(answers, train.source_id, p, train.labels)
    pack = packed(settings=SMALL_RESNET | {"train.network.teachers": [str(answers)]})
    train_there(pack, tmp_path / "out", "best")
    return tmp_path / "out/best"


@pytest.mark.usefixtures("one_thread")
def test_the_script_trains_as_the_chain_does_to_the_last_bit(run):
    """With stand-ins for pydantic and transformers, none of the other packages, two batches."""
    _, params = load_family()
    fitted = fit(elsewhere.read_training_data(), params, 0)
    found = load_file(run / "weights.safetensors")
    wanted = fitted.model.network.state_dict()
    assert found.keys() == wanted.keys()
    assert all(torch.equal(found[name], wanted[name]) for name in wanted)
    story = json.loads((run / "run.json").read_text())
    assert [row["val_loss"] for row in story["history"]] == list(fitted.curve["val_loss"])
    assert (story["torch"], story["computed_on"]) == (torch.__version__, "cpu float32")
    assert [*load_file(run / "probabilities.safetensors")] == ["val"]


@pytest.mark.parametrize("name", ["fernet", "littlevgg", "sepconv"])
def test_a_papers_preset_is_trained_in_bfloat16(packed, tmp_path, name):
    settings = SMALL | {"train.network.precision": "bfloat16"}
    printed = train_there(packed(name, settings), tmp_path / "out", name)
    assert "cpu bfloat16" in printed
    assert printed.endswith(f"trained: {name}\n")
    p = load_file(tmp_path / "out" / name / "probabilities.safetensors")["val"]
    assert torch.allclose(p.sum(1), torch.ones(len(p), dtype=p.dtype))


def test_a_preset_is_begun_and_left_out_where_time_is_short(packed, tmp_path):
    """In no minutes: one epoch is run, and the rest left out."""
    folders = (packed("allconv", SMALL), tmp_path / "out")
    printed = train_there(*folders, "allconv", "--minutes", "0", ok=False)
    assert re.search(r"allconv: left out, \d+ s more are needed", printed)
    assert "error: no preset was trained" in printed
    assert not (tmp_path / "out").exists()


def test_a_training_may_take_a_minute_and_half_as_long_again_as_at_200_steps_a_second():
    assert most_seconds(epochs=10, batch_size=32, n_rows=28_709) == 60 + 1.5 * 10 * 898 / 200


def test_without_names_all_that_is_packed_is_trained_and_what_is_not_is_named(packed, tmp_path):
    pack = packed("allconv", SMALL)
    said = train_there(pack, tmp_path / "out", "allconv", "fernet", ok=False)
    assert f"error: fernet is not packed in {pack}; packed there: allconv. Pack at home" in said
    with pytest.raises(SystemExit, match=r"a preset is not packed in .*packed there: none"):
        gpu.packed(tmp_path, [])
    shutil.copy(pack / "allconv.json", pack / "own.json")
    assert gpu.packed(pack, []) == ["allconv", "own"]
    assert gpu.packed(pack, ["own"]) == ["own"]


@pytest.mark.parametrize("kind", [DataError, torch.OutOfMemoryError])
def test_a_training_that_fails_is_left_out_and_the_next_one_begun(
    monkeypatch, tmp_path, capsys, kind
):
    def fail(*_):
        raise kind("no room\nfor it")

    monkeypatch.setattr(gpu, "_train", fail)
    assert not gpu.train(tmp_path, tmp_path, "best", 0.0, [])
    assert capsys.readouterr().out == "best: left out, no room for it\n"


def test_what_cannot_be_packed_is_said_in_a_line(monkeypatch, tmp_path):
    monkeypatch.setattr(sys, "argv", ["gpu", "pack", str(tmp_path / "pack"), "bets"])
    with pytest.raises(SystemExit, match=r"^error: bets: there is no preset 'bets'"):
        gpu.main()


def test_colours_cannot_be_packed():
    with pytest.raises(FerflowError, match=r"^best has data.colour rgb; grey images alone"):
        _check("best", {"data": {"colour": "rgb"}})


def test_the_list_names_presets():
    assert set(ORDER) <= set(preset_names())


def test_a_job_of_other_code_or_other_images_is_not_trained(packed, tmp_path):
    pack = packed()
    job = json.loads((pack / "best.json").read_text())
    for change, words in (
        ({"code": job["code"] | {"stages/train.py": "0"}}, "the code is not that of the job: sta"),
        ({"fingerprint": "0"}, "best: left out, the images are not those that were packed"),
    ):
        (pack / "best.json").write_text(json.dumps(job | change))
        assert words in train_there(pack, tmp_path / "out", "best", ok=False)
    assert not (tmp_path / "out").exists()


def edited(run, **changes):
    story = json.loads((run / "run.json").read_text())
    (run / "run.json").write_text(json.dumps(story | changes))


def rewritten(run, file, change):
    """A file of tensors with one of them changed, and its sha256 as if it had always been so."""
    tensors = load_file(run / file)
    name = sorted(tensors)[0]
    save_file(tensors | {name: change(tensors[name])}, run / file)
    story = json.loads((run / "run.json").read_text())
    digest = hashlib.sha256((run / file).read_bytes()).hexdigest()
    edited(run, sha256=story["sha256"] | {file: digest})


def test_a_folder_of_another_training_is_refused_in_a_line(run, monkeypatch, tmp_path):
    """Each way in which it may not fit; nothing is recorded, no checkpoint is left."""
    monkeypatch.setattr(elsewhere, "repro", lambda *_, **__: None)
    monkeypatch.setattr(elsewhere, "record_run", lambda *_, **__: pytest.fail("recorded"))
    kept = tmp_path / "kept"
    shutil.copytree(run, kept)
    story = json.loads((run / "run.json").read_text())
    probabilities, weights = "probabilities.safetensors", "weights.safetensors"
    cases = {
        "run.json is not here": lambda: (run / "run.json").unlink(),
        "is not what `python -m benchmarks.gpu train` writes": lambda: edited(run, history=[{}]),
        f"{weights} is not here": lambda: (run / weights).unlink(),
        f"{weights} is not what run.json names": lambda: (run / weights).write_bytes(b"x"),
        "train.network.epochs is 2 in params.yaml, and the network was trained with 3": lambda: (
            edited(run, params=story["params"] | {"train.network.epochs": 3})
        ),
        "trained with other code (ferflow/core)": lambda: edited(
            run, code=story["code"] | {"ferflow/core": "0"}
        ),
        "trained on other images": lambda: edited(run, fingerprint="0"),
        "is unfinished: it stopped after 1 epochs": lambda: edited(
            run, history=story["history"][:1], best={"score": 0.1, "epoch": 1}
        ),
        "has no network with these parameters": lambda: rewritten(run, weights, lambda t: t[:1]),
        "answers differ here: a probability on val by": lambda: rewritten(
            run, probabilities, lambda t: 1 - t
        ),
        "val has (": lambda: rewritten(run, probabilities, lambda t: t[:3]),
    }
    for words, spoil in cases.items():
        spoil()
        with pytest.raises(FerflowError, match=re.escape(words)) as caught:
            elsewhere.record_from(run)
        assert len(str(caught.value).splitlines()) == 1
        assert not list(Path(".ferflow").rglob("*.safetensors"))
        shutil.rmtree(run)
        shutil.copytree(kept, run)


def test_the_checkpoint_of_a_training_here_stays(run, monkeypatch):
    """It is out of the way only while the chain takes the other network over."""
    seen = []

    def repro(*_, **__):
        seen.append(sorted(path.read_bytes()[-3:] == b"own" for path in scratch.glob("*/*")))

    scratch = Path(".ferflow/training")
    monkeypatch.setattr(elsewhere, "repro", repro)
    monkeypatch.setattr(elsewhere, "record_run", lambda *_, **made: made["trained_on"])
    with elsewhere._planted(run, json.loads((run / "run.json").read_text())):
        (file,) = scratch.glob("*/*")
    file.parent.mkdir()
    file.write_bytes(b"own")
    assert elsewhere.record_from(run) == {"torch": torch.__version__}
    assert seen == [[True], [False, True], [False, True]]
    assert file.read_bytes() == b"own"
    file.parent.rename(file.parent.with_name(f"{file.parent.name}.own"))  # as a kill leaves them
    file.parent.mkdir()
    file.write_bytes(b"of elsewhere")
    elsewhere.record_from(run)
    assert file.read_bytes() == b"own"


def test_answers_that_agree_within_the_tolerance_are_taken():
    here = np.full((4, 2), 0.5)
    elsewhere._check_answers(here, here + elsewhere.TOLERANCE / 2)
    with pytest.raises(DataError, match=r"differ here.* by 0\.004, more than 0\.002"):
        elsewhere._check_answers(here, here + 0.004)


@pytest.mark.long
def test_a_network_trained_elsewhere_is_recorded_as_a_run(own, tmp_path):
    settings = [f"{key}={json.dumps(value)}" for key, value in SMALL_RESNET.items()]
    words = [word for setting in settings for word in ("--set", setting)]
    own.run("python", "-m", "benchmarks.gpu", "pack", str(tmp_path / "pack"), "best", *words)
    assert "quickstart" in own.text("params.yaml").partition("seed")[0]
    folders = (str(tmp_path / "pack"), str(tmp_path / "out"))
    own.run("python", "-m", "benchmarks.gpu", "train", *folders, "best")
    story = json.loads((tmp_path / "out/best/run.json").read_text())
    story |= {"device": "NVIDIA H100", "computed_on": "cuda float32", "torch": "2.11.0"}
    (tmp_path / "out/best/run.json").write_text(json.dumps(story))
    refused = own.ferflow("record", "--from", str(tmp_path / "out/best"), ok=False)
    assert "error: " in refused and "First: ferflow use best" in refused
    own.ferflow("use", "best", *words)
    printed = own.ferflow("record", "--from", str(tmp_path / "out/best"), "--name", "there")
    assert "recorded as best/seed-0-there" in printed
    record = json.loads(own.text("metrics/papers/best/seed-0-there.json"))
    assert (record["versions"]["torch"], record["hardware"]["gpu"]) == ("2.11.0", "NVIDIA H100")
    about = record["stages"]["train"]["train"]
    assert about["computed_on"] == "cuda float32, NVIDIA H100, torch 2.11.0"
    assert record["training"]["val_loss"] == pytest.approx(
        [row["val_loss"] for row in story["history"]], rel=1e-5
    )
    assert {"val", "test"} <= record["metrics"].keys()
    assert not list((own.folder / ".ferflow/training").glob("*/*"))
