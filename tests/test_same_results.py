"""Records of an older build, adopted by the present one where both were seen to do the same."""

from pathlib import Path

from benchmarks.same_results import adopt, made, nested
from ferflow.core.params import flatten
from ferflow.core.pipeline import Pipeline
from ferflow.records.record import load_records


def test_records_of_the_old_code_get_the_present_ones_fingerprint(
    make_record, workplace, tmp_path_factory, monkeypatch
):
    old = tmp_path_factory.mktemp("old")
    monkeypatch.setattr(Pipeline, "code_fingerprint", lambda _: f"of {Path.cwd().name}")
    params = {"seed": 0, "train.family": "svm"}
    now, before = f"of {workplace.name}", f"of {old.name}"
    for number, code in enumerate((before, "older", now)):
        make_record("svm", seed=number, params=params, code=code)
    make_record("sepconv", seed=0, params=params, code=before)
    assert adopt(old, ["svm"]) == ["svm/seed-0"]
    assert adopt(old, ["svm"]) == []
    added = {record.name: record.same_code for record in load_records()}
    assert added.pop("svm/seed-0") == [now]
    assert set(map(tuple, added.values())) == {()}


def test_dotted_parameters_become_sections_again():
    params = {"seed": 0, "train": {"family": "svm", "svm": {"C": 1.0}}}
    assert nested(flatten(params)) == params


def test_what_a_run_made_is_all_but_mlflows_mirror():
    lock = (
        "stages: {train: {outs: [{path: models/m, md5: ab}]}, track: {outs: [{path: x, md5: c}]}}"
    )
    assert made(lock) == [("models/m", "ab")]
