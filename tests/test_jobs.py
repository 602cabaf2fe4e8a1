"""`repeat` and `reproduce`: what runs, what is skipped, and that params.yaml is put back."""

import re
import shutil
import subprocess
from contextlib import contextmanager
from pathlib import Path

import pytest

from ferflow.core.errors import FerflowError, ParamError
from ferflow.core.git import code_commit
from ferflow.core.params import PARAMS_FILE, read_yaml
from ferflow.core.pipeline import Pipeline
from ferflow.records.record import load_records
from ferflow.records.record_run import fold_of, public_params, variant_of
from ferflow.records.stale import find_recorded, is_stale, stale_text
from ferflow.runs import jobs as runs
from ferflow.runs.jobs import (
    Job,
    fold_jobs,
    kept_params,
    left_text,
    paper_presets,
    repeat_jobs,
    reproduce_jobs,
    run_jobs,
)
from ferflow.settings.presets import use

ROOT = Path(__file__).parents[1]

pytestmark = pytest.mark.usefixtures("workplace")


@pytest.fixture
def made_by():
    """The code that a made-up run is recorded with."""
    return {"code": "of now"}


@pytest.fixture
def pipeline(monkeypatch, make_record, made_by):
    """A pipeline in which a run is a made-up record; a list of the seeds that were run."""
    ran = []

    def record():
        params = read_yaml(PARAMS_FILE)
        fold, n_folds = fold_of(params)
        return make_record(
            params["preset"],
            seed=params["seed"],
            fold=fold,
            n_folds=n_folds,
            variant=variant_of(params),
            params=public_params(params),
            **made_by,
        )

    monkeypatch.setattr(runs, "repro", lambda **_: ran.append(read_yaml(PARAMS_FILE)["seed"]))
    monkeypatch.setattr(runs, "record_run", record)
    set_code(monkeypatch, "of now")
    return ran


def test_repeat_runs_every_seed_and_puts_params_back(pipeline):
    use("quickstart", {"seed": 7, "selection.n_ants": 3})
    before = PARAMS_FILE.read_bytes()
    run_jobs(repeat_jobs(3))
    assert pipeline == [0, 1, 2]
    assert PARAMS_FILE.read_bytes() == before
    records = load_records()
    assert [record.seed for record in records] == [0, 1, 2]
    assert {record.params["selection.n_ants"] for record in records} == {3}


def test_a_second_call_runs_only_what_is_missing(pipeline, capsys):
    run_jobs(repeat_jobs(2))
    run_jobs(repeat_jobs(3))
    assert pipeline == [0, 1, 2]
    assert "quickstart, seed 0: recorded already" in capsys.readouterr().out
    run_jobs(repeat_jobs(2), again=True)
    assert pipeline == [0, 1, 2, 0, 1]


def test_other_parameters_are_not_recorded_yet(pipeline):
    run_jobs(repeat_jobs(2))
    use("quickstart", {"selection.n_ants": 3})
    assert not any(find_recorded(job.params, load_records()) for job in repeat_jobs(2))
    run_jobs(repeat_jobs(2))
    assert pipeline == [0, 1, 0, 1]


@pytest.fixture
def newer_code(pipeline, monkeypatch):
    """Seeds 0 and 1 are on record, and the code has changed since."""
    run_jobs(repeat_jobs(2))
    pipeline.clear()
    set_code(monkeypatch, "newer")


def set_code(monkeypatch, code):
    monkeypatch.setattr(Pipeline, "code_fingerprint", lambda _: code)


@pytest.mark.usefixtures("newer_code")
def test_what_other_code_recorded_is_skipped_and_named(pipeline, capsys):
    capsys.readouterr()
    run_jobs(repeat_jobs(3))
    assert pipeline == [2]
    lines = capsys.readouterr().out.splitlines()
    why = "recorded already as quickstart/seed-{0}, made by other code (its commit is not known)"
    assert lines[:2] == [f"quickstart, seed {k}: {why.format(k)}" for k in (0, 1)]
    assert lines[2] == "2 of 3 stale: `--stale` runs them again."


@pytest.mark.usefixtures("newer_code")
def test_stale_runs_them_again_once(pipeline, capsys, made_by):
    made_by["code"] = "newer"
    run_jobs(repeat_jobs(3), stale=True)
    assert pipeline == [0, 1, 2]
    capsys.readouterr()
    run_jobs(repeat_jobs(3), stale=True)
    assert pipeline == [0, 1, 2]
    assert "stale" not in capsys.readouterr().out
    run_jobs(repeat_jobs(2), again=True)
    assert pipeline == [0, 1, 2, 0, 1]


@contextmanager
def broken_off(monkeypatch, error):
    """The chain raises an error at seed 1 in the block, which ends by it."""
    go = runs.repro

    def repro(**words):
        if read_yaml(PARAMS_FILE)["seed"] == 1:
            raise error
        go(**words)

    with monkeypatch.context() as patch, pytest.raises(error):
        patch.setattr(runs, "repro", repro)
        yield


@pytest.mark.usefixtures("newer_code")
def test_an_interrupted_stale_run_goes_on_where_it_was(pipeline, monkeypatch, made_by):
    made_by["code"] = "newer"
    with broken_off(monkeypatch, KeyboardInterrupt):
        run_jobs(repeat_jobs(2), stale=True)
    run_jobs(repeat_jobs(2), stale=True)
    assert pipeline == [0, 1]


def test_of_two_records_with_the_same_parameters_that_of_the_present_code_counts(
    make_record, monkeypatch
):
    set_code(monkeypatch, "of now")
    params = read_yaml(PARAMS_FILE)
    about = {"params": public_params(params), "seed": params["seed"]}
    made = make_record("quickstart", code="of now", date="2026-01-01T00:00:00+00:00", **about)
    later = make_record("quickstart", variant="a", code="x", date="2026-02-01", **about)
    last = make_record("quickstart", variant="b", code="y", date="2026-03-01", **about)
    assert find_recorded(params, load_records()) == made and not is_stale(made, params)
    assert find_recorded(params, [later, last]) == last and is_stale(last, params)


def test_a_record_whose_code_was_seen_to_do_what_the_present_code_does_is_not_stale(
    make_record, monkeypatch
):
    set_code(monkeypatch, "of now")
    params = read_yaml(PARAMS_FILE)
    about = {"params": public_params(params), "seed": params["seed"], "code": "older"}
    record = make_record("quickstart", same_code=["of now"], **about)
    assert not is_stale(record, params)
    set_code(monkeypatch, "of tomorrow")
    assert is_stale(record, params)


def test_a_parameter_that_is_newer_than_a_record_has_to_have_its_default(make_record, monkeypatch):
    set_code(monkeypatch, "of now")
    params = read_yaml(PARAMS_FILE)
    older = public_params(params)
    del older["train.svm.max_iter"], older["data.path"]
    record = make_record("quickstart", seed=0, params=older, code="older")
    assert find_recorded(params, [record]) == record
    assert stale_text(record, params).endswith("; 1 parameter is newer)")
    params["train"]["svm"]["max_iter"] += 1
    assert find_recorded(params, [record]) is None
    unknown = make_record("quickstart", seed=0, params=public_params(params) | {"gone": 1})
    assert find_recorded(params, [unknown]) is None


def test_a_record_in_an_older_builds_words_is_of_the_same_run(make_record, monkeypatch):
    set_code(monkeypatch, "of now")
    params = read_yaml(PARAMS_FILE)
    words = ["horizontal_flip", {"rotation": 10}, {"shift": 0.1}, {"zoom": 0.1}]
    older = public_params(params) | {"evaluate.tta_policy": words}
    record = make_record("quickstart", seed=0, params=older)
    assert find_recorded(params, [record]) == record
    slope = public_params(params) | {"evaluate.tta_policy": [{"shear": 0.2}]}
    params["evaluate"]["tta_policy"] = [{"shear_degrees": 0.2}]
    assert find_recorded(params, [make_record("quickstart", seed=1, params=slope)]) is None


def test_a_backbone_is_the_same_under_its_name_and_as_a_copy(make_record, monkeypatch):
    set_code(monkeypatch, "of now")
    params = read_yaml(PARAMS_FILE)
    params["features"] |= {"backbone": "google/net", "backbone_sha256": None}
    copy = public_params(params) | {"features.backbone": "net", "features.backbone_sha256": "ab"}
    record = make_record("quickstart", seed=0, params=copy)
    assert find_recorded(params, [record]) == record
    params["features"] |= {"backbone": "/here/net", "backbone_sha256": "ab"}
    assert find_recorded(params, [record]) == record
    params["features"]["backbone_sha256"] = "cd"
    assert find_recorded(params, [record]) is None


def test_the_stages_whose_code_changed_since_a_record_are_named(make_record, workplace):
    for name in (
        "dvc.yaml",
        "ferflow/training/shared/classifier.py",
        "ferflow/core/params.py",
        "stages/balance.py",
    ):
        (workplace / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, workplace / name)
    names = ["-c", "user.email=test@example.org", "-c", "user.name=test"]
    for words in (["init"], ["add", "--all"], ["commit", "--message", "one"]):
        subprocess.run(["git", *names, *words], check=True, capture_output=True)
    commit, params = code_commit(), read_yaml(PARAMS_FILE)
    record = make_record("quickstart", params=public_params(params), commit=commit)
    assert stale_text(record, params) == f"made by other code (commit {commit})"
    for name in ("ferflow/training/shared/classifier.py", "stages/balance.py"):
        (workplace / name).write_text("changed")
    why = f"commit {commit}; changed since: balance, train, evaluate"
    assert stale_text(record, params) == f"made by other code ({why})"
    (workplace / "ferflow/core/params.py").write_text("changed")
    why = f"commit {commit}; changed since: every stage"
    assert stale_text(record, params) == f"made by other code ({why})"
    gone = make_record("quickstart", params=record.params, commit="0123456789ab-dirty")
    assert stale_text(gone, params) == "made by other code (commit 0123456789ab-dirty)"


@pytest.mark.parametrize("error", [KeyboardInterrupt, FerflowError])
def test_an_interrupted_command_puts_params_back_and_goes_on_later(pipeline, monkeypatch, error):
    before = PARAMS_FILE.read_bytes()
    with broken_off(monkeypatch, error):
        run_jobs(repeat_jobs(3))
    assert PARAMS_FILE.read_bytes() == before
    run_jobs(repeat_jobs(3))
    assert pipeline == [0, 1, 2]


def test_a_failing_pipeline_is_told_in_a_line(monkeypatch):
    set_code(monkeypatch, "of now")
    before = PARAMS_FILE.read_bytes()
    with pytest.raises(FerflowError, match="seed 0: `dvc repro` failed"):  # there is no dvc.yaml
        run_jobs(repeat_jobs(2))
    assert PARAMS_FILE.read_bytes() == before


def test_only_one_such_command_at_a_time():
    with (
        kept_params(),
        pytest.raises(FerflowError, match=r"another `ferflow repeat`, `reproduce` or `clean`"),
        kept_params(),
    ):
        pass


def test_params_of_a_killed_command_are_not_lost(workplace):
    with kept_params():
        copy = workplace / ".ferflow" / "params.yaml.kept"
        saved = copy.read_bytes()
    copy.write_bytes(saved)
    with pytest.raises(FerflowError, match=r"killed.*\.ferflow/params\.yaml\.kept"), kept_params():
        pass


def test_folds_are_run_one_by_one_with_the_present_seed(pipeline):
    use("quickstart", {"seed": 7})
    before = PARAMS_FILE.read_bytes()
    made = run_jobs(fold_jobs(4))
    assert pipeline == [7] * 4
    assert PARAMS_FILE.read_bytes() == before
    assert [record.fold for record in made] == [0, 1, 2, 3]
    assert {record.params["data.split"] for record in made} == {"kfold"}
    assert {record.variant for record in made} == {"4-folds"}
    assert run_jobs(fold_jobs(4)) == []
    assert len(run_jobs(fold_jobs(5))) == 5, "folds of another number are other folds"


@pytest.mark.parametrize("n", [-1, 0, 2, 21])
def test_a_senseless_number_of_folds_is_refused(n):
    with pytest.raises(FerflowError, match=r"3 to 20 folds"):
        fold_jobs(n)


@pytest.mark.parametrize("n", [-1, 0, 1, 1001])
def test_a_senseless_number_of_seeds_is_refused(n):
    with pytest.raises(FerflowError, match=r"2 to 1000 seeds"):
        repeat_jobs(n)


def test_a_damaged_params_file_is_refused_before_anything_runs(pipeline):
    PARAMS_FILE.write_text(PARAMS_FILE.read_text().replace("method: smote", "method: smotte"))
    with pytest.raises(ParamError, match="smotte"):
        repeat_jobs(2)
    assert pipeline == []


def test_reproduce_takes_settings_for_all_and_for_one(zip_of_faces):
    settings = [
        ("data.path", str(zip_of_faces)),
        ("mobilenet-aco-rf:selection.n_ants", 3),
    ]
    jobs = reproduce_jobs(["mobilenet-aco-rf", "mobilenet-aco-rf-nosmote"], settings)
    assert [job.params["selection"]["n_ants"] for job in jobs] == [3, 20]
    assert [job.params["data"]["path"] for job in jobs] == [str(zip_of_faces)] * 2


def test_reproduce_tells_all_that_is_missing_before_anything_runs():
    with pytest.raises(ParamError) as caught:
        reproduce_jobs(paper_presets(), [("quickstart:seed", 1)])
    lines = str(caught.value).splitlines()
    assert len(lines) == 1 + len(paper_presets())
    assert "'quickstart', which is not among those to run" in lines[0]
    assert all("needs FER-2013" in line or "needs CK+48" in line for line in lines[1:])


def test_all_means_the_presets_of_the_papers():
    assert "quickstart" not in paper_presets()
    assert "mobilenet-aco-rf" in paper_presets()


def test_what_is_left_is_estimated_from_recorded_seconds(pipeline):
    assert left_text(repeat_jobs(3)) == "3 runs, never timed"
    run_jobs(repeat_jobs(2))  # made-up records of 60 s
    assert left_text(repeat_jobs(3)) == "3 runs, about 3 min"
    text = PARAMS_FILE.read_text().replace("preset: quickstart", "preset: mobilenet-aco-rf")
    assert left_text([*repeat_jobs(2), Job("new", text)]) == (
        "3 runs, about 2 min (1 of them never timed)"
    )
    assert pipeline == [0, 1]


def test_the_seed_is_all_that_repeat_changes():
    jobs = repeat_jobs(2)
    texts = [re.sub(r"^seed: \d+$", "", job.text, flags=re.M) for job in jobs]
    assert texts[0] == texts[1] == re.sub(r"^seed: \d+$", "", PARAMS_FILE.read_text(), flags=re.M)
