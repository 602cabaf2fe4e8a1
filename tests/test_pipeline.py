"""The pipeline: fingerprints that stay what they were, and whose results those of a lock are."""

import json
from pathlib import Path

import pytest

from ferflow.core.errors import DataError, FerflowError
from ferflow.core.params import PARAMS_FILE
from ferflow.core.pipeline import STAGES, Pipeline, dvc_md5

CHAIN = "stages:\n" + "".join(
    f"""  {stage}:
    cmd: python -m stages.{stage}
    deps: [data/checked.txt, stages/{stage}.py, ferflow/core, "ferflow/${{train.family}}"]
    params: [seed, "train.${{train.family}}"]
    outs: [data/{stage}/train.safetensors, data/{stage}/twins.csv]
"""
    for stage in STAGES
)
PARAMS = """
seed: 3
train:
  family: forest
  forest: {depth: null, leaf: 0.25, rho: 1e-4, weight: "1", classes: [b, a], "é": yes}
"""


def write(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


@pytest.fixture
def chain(tmp_path, monkeypatch):
    """A finished chain of small text files in the current directory."""
    monkeypatch.chdir(tmp_path)
    write(Path("dvc.yaml"), CHAIN)
    write(PARAMS_FILE, PARAMS)
    write(Path("data/checked.txt"), "checked\n")
    for name in ("core/a.py", "core/b-c.py", "forest/deep/d.py", "core/__pycache__/a.pyc"):
        write(Path("ferflow", name), f"# {name}\n")
    lock = {}
    for stage in STAGES:
        write(Path(f"stages/{stage}.py"), f"# {stage}\n")
        deps = ["data/checked.txt", f"stages/{stage}.py", "ferflow/core", "ferflow/forest"]
        outs = [f"data/{stage}/train.safetensors", f"data/{stage}/twins.csv"]
        for out in outs:
            write(Path(out), f"{out} made\n")
        lock[stage] = {
            "cmd": f"python -m stages.{stage}",
            "deps": [{"path": p, "hash": "md5", "md5": dvc_md5(Path(p))} for p in deps],
            "params": {"params.yaml": Pipeline().stage_params(stage)},
            "outs": [{"path": p, "hash": "md5", "md5": dvc_md5(Path(p))} for p in outs],
        }
    write(Path("dvc.lock"), json.dumps({"schema": "2.0", "stages": lock}))
    return tmp_path


@pytest.mark.usefixtures("chain")
def test_fingerprints_are_what_they_always_were():
    """Records and MLflow know runs by them: another value would make every run a new one."""
    pipeline = Pipeline()
    pipeline.check_finished()
    assert pipeline.lock_fingerprint() == "f663cbe7c9b00751"
    assert pipeline.data_fingerprint() == "0913985447753cc6"
    assert pipeline.stage_fingerprint("train") == "aa7742376f796da4"
    assert pipeline.locked_stage_fingerprint("train") == "aa7742376f796da4"
    assert pipeline.code_fingerprint() == "843db5f349ac3870"
    assert pipeline.locked_code_fingerprint() == "843db5f349ac3870"


@pytest.mark.usefixtures("chain")
def test_changed_code_has_another_fingerprint_than_the_locks():
    write(Path("ferflow/core/a.py"), "changed")
    pipeline = Pipeline()
    assert pipeline.code_fingerprint() != pipeline.locked_code_fingerprint()
    assert pipeline.stage_fingerprint("train") != pipeline.locked_stage_fingerprint("train")


@pytest.mark.usefixtures("chain")
def test_given_parameters_stand_for_those_of_the_file():
    write(Path("ferflow/svm/e.py"), "")
    pipeline = Pipeline({"seed": 4, "train": {"family": "svm", "svm": {"c": 1}}})
    assert pipeline.stage_params("train") == {"seed": 4, "train.svm": {"c": 1}}
    assert pipeline.stages["train"]["deps"][-1] == "ferflow/svm"
    assert pipeline.code_fingerprint() != pipeline.locked_code_fingerprint()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda: Path("dvc.lock").unlink(), r"has not finished \(download, .*evaluate\)"),
        (lambda: write(PARAMS_FILE, PARAMS.replace("0.25", "0.5")), r"leaf was 0\.25 in the last"),
        (lambda: Path("data/train/twins.csv").unlink(), r"data/train/twins\.csv is not here"),
        (lambda: write(Path("data/evaluate/twins.csv"), "x"), "is not what the last run wrote"),
    ],
    ids=["no lock", "parameters", "missing", "changed"],
)
@pytest.mark.usefixtures("chain")
def test_results_that_are_not_the_last_runs_are_refused(change, message):
    change()
    with pytest.raises(FerflowError, match=rf"{message}.* Run `dvc repro` first"):
        Pipeline().check_finished()


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (b"stages: [", "while parsing"),
        (b"vars: [a.yaml]\n", r"there is no 'stages'"),
        (b"stages:\n", "NoneType"),
        (b"stages: {a: {cmd: ${train.nothing}}}\n", "there is no 'nothing'"),
        (b"stages: \xff\n", "codec"),
        (b"- stages\n", "must be integers"),
    ],
)
@pytest.mark.usefixtures("chain")
def test_an_edited_dvc_yaml_that_has_no_stages_is_a_line(text, reason):
    Path("dvc.yaml").write_bytes(text)
    with pytest.raises(DataError, match=rf"(?s)^dvc.yaml has no stages.*{reason}") as caught:
        Pipeline().stage_params("train")
    assert len(str(caught.value).splitlines()) == 1


@pytest.mark.usefixtures("chain")
def test_a_stage_of_ones_own_may_have_parameters_of_other_files():
    own = "  own:\n    cmd: python own.py\n    params: [seed, {own.yaml: [a]}]\n"
    Path("dvc.yaml").write_text(CHAIN + own, encoding="utf-8")
    assert Pipeline().stage_params("own") == {"seed": 3}


def test_without_a_lock_file_there_are_no_entries(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert Pipeline().lock == {}
