"""What `--cluster` checks and keeps; whole runs on a cluster are in test_cluster_runs.py."""

import json
import re
import shutil
import socket
import time
from concurrent.futures import CancelledError
from pathlib import Path
from types import SimpleNamespace

import pytest

from benchmarks.local_cluster import cluster as dask_cluster
from ferflow.core import cluster as connection
from ferflow.core.errors import DataError, FerflowError
from ferflow.core.files import read_json
from ferflow.core.params import PARAMS_FILE, read_yaml
from ferflow.core.pipeline import Pipeline
from ferflow.records.receive import receive_record
from ferflow.records.receive import wanted as wanted_of
from ferflow.records.record import load_records
from ferflow.records.record_run import public_params
from ferflow.runs import cluster, cluster_check, on_worker, sweep
from ferflow.runs.cluster import links, record_there
from ferflow.runs.cluster_check import inspect, named_paths, needed_mb, refuse_unfit
from ferflow.runs.jobs import Job, run_jobs
from ferflow.runs.on_worker import describe, differences
from ferflow.settings.presets import compose, params_text

ABOUT = {"code": "0" * 16, "commit": "a" * 12, "versions": {"python": "3.11.9", "numpy": "2.4.0"}}


def job(seed=0, **settings):
    return Job(f"seed {seed}", params_text(compose("quickstart", {"seed": seed, **settings})))


def test_no_scheduler_is_a_line_soon(monkeypatch):
    monkeypatch.delenv(connection.VARIABLE, raising=False)
    assert connection.TIMEOUT + 1 < 9, "ten seconds, of which the import of Dask takes some"
    with pytest.raises(FerflowError, match="set DASK_SCHEDULER_ADDRESS"):
        connection.connect(None)
    monkeypatch.setattr(connection, "TIMEOUT", 1.0)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        listening = f"tcp://127.0.0.1:{silent.getsockname()[1]}"
        for address in (listening, "http://127.0.0.1:8786", "nowhere", "tls://127.0.0.1:1"):
            before = time.monotonic()
            with pytest.raises(FerflowError, match="no Dask scheduler answers at") as error:
                connection.connect(address)
            assert time.monotonic() - before < 9
            assert address in str(error.value) and "\n" not in str(error.value)
    monkeypatch.setenv(connection.VARIABLE, "tcp://127.0.0.1:1")
    with pytest.raises(FerflowError, match=r"answers at tcp://127\.0\.0\.1:1 "):
        connection.connect(None)


def test_workers_are_checked_and_one_of_another_version_is_refused(small, tmp_path):
    """The other has another scikit-learn, by its metadata, and a module more of ferflow."""
    other = tmp_path / "other"
    (other / "scikit_learn-0.1.dist-info").mkdir(parents=True)
    (other / "scikit_learn-0.1.dist-info/METADATA").write_text("Name: scikit-learn\nVersion: 0.1\n")
    shutil.copytree(small.folder / "ferflow", other / "ferflow")
    (other / "ferflow/more.py").write_text("")
    env = small.environment() | {"PYTHONPATH": str(small.folder)}
    with dask_cluster(tmp_path, env) as running:
        option = ("--cluster", running.address)
        assert "no workers" in small.ferflow("cluster", "check", *option, ok=False)
        (address,) = running.start_workers(1)
        printed = small.ferflow("cluster", "check", *option, COLUMNS="200")
        assert re.search(rf"{address}.* 1 .* GB .*[0-9a-f]{{12}} .* yes", printed)
        assert re.search(r"A stage of these parameters took up to [\d,]+ MB", printed)
        (address,) = running.start_workers(1, other)
        printed = small.ferflow("cluster", "check", *option, ok=False, COLUMNS="200")
        assert printed.count(" yes ") == 2 and printed.count(" no ") == 1
        printed = small.ferflow("repeat", "--seeds", "2", *option, ok=False)
        (line,) = re.findall(r"error: (.*)", printed)
        assert line.startswith(f"the worker {address} has other code of ferflow (commit none, here")
        assert re.search(r"; scikit-learn 0\.1 \(here \d[\d.]+\)\.$", line)
        assert "Traceback" not in printed


def test_what_differs_is_told():
    assert differences(ABOUT, ABOUT) == []
    other = {"code": "1" * 16, "commit": "b" * 12, "versions": {"python": "3.12.1"}}
    assert differences(ABOUT, other) == [
        f"other code of ferflow (commit {'b' * 12}, here {'a' * 12})",
        "numpy none (here 2.4.0)",
        "python 3.12.1 (here 3.11.9)",
    ]


@pytest.mark.usefixtures("workplace")
def test_data_memory_and_git_are_looked_at(monkeypatch):
    """A stage takes 900 MB: enough for one run at once in 1 GB, not for two."""
    monkeypatch.setattr(cluster_check, "needed_mb", lambda _: 900.0)
    monkeypatch.setattr(cluster_check, "about", lambda: ABOUT)
    fine = ABOUT | {"unreadable": [], "git": True}
    answers = {
        "a": fine,
        "b": fine,
        "c": fine | {"unreadable": ["/data/fer.zip"], "git": False},
        "d": ModuleNotFoundError("No module named 'ferflow'"),
    }
    limits = {"a": (1, 10**9), "b": (2, 10**9), "c": (9, 0), "d": (1, 0)}
    known = {k: {"nthreads": n, "memory_limit": limit} for k, (n, limit) in limits.items()}
    client = SimpleNamespace(
        scheduler=SimpleNamespace(address="s"),
        scheduler_info=lambda **_: {"workers": known},
        run=lambda *_, **__: answers,
        run_on_scheduler=lambda _: ABOUT | {"code": "1"},
    )
    faults = {member.address: member.faults for member in inspect(client, [job().params])}
    assert faults["s"] == [f"other code of ferflow (commit {'a' * 12}, here {'a' * 12})"]
    assert faults["a"] == []
    assert "500 MB of memory a run (2 at once), and a stage took 900 MB" in faults["b"][0]
    assert faults["c"] == ["no access to /data/fer.zip", "no Git"]
    assert "ModuleNotFoundError: No module named 'ferflow'" in faults["d"][0]
    with pytest.raises(FerflowError) as error:
        refuse_unfit(inspect(client, [job().params]))
    assert [line.split()[1] for line in str(error.value).split("\n")[:-1]] == [
        "scheduler",
        *3 * ["worker"],
    ]


def test_a_worker_says_what_it_cannot_read(tmp_path):
    (tmp_path / "there").mkdir()
    (tmp_path / "file").write_text("x")
    paths = [str(tmp_path / name) for name in ("there", "file", "absent")]
    assert describe(paths)["unreadable"] == paths[2:]


def test_memory_is_that_of_the_records(make_record):
    assert needed_mb([job().params]) is None
    make_record("quickstart", variant="other", costs={"train": {"seconds": 1, "peak_memory_mb": 9}})
    assert needed_mb([job().params]) == 9
    costs = {name: {"seconds": 1, "peak_memory_mb": mb} for name, mb in (("train", 5), ("x", 7))}
    make_record("quickstart", costs=costs)
    assert needed_mb([job().params]) == 7, "of the same variant"


def test_data_that_is_not_in_git_is_linked(workplace, monkeypatch):
    monkeypatch.setattr(cluster, "is_committed", lambda name: "mine" not in name)
    (workplace / "mine").mkdir()
    params = read_yaml(PARAMS_FILE)
    found = {}
    for path in ("mine", "presets", "/mine", "nowhere"):
        params["data"]["path"] = path
        found |= links(params)
    assert found == {"mine": str(workplace / "mine")}
    params["data"]["path"] = "../repository/mine"
    with pytest.raises(FerflowError, match=r"data\.path: .* leads out of the repository"):
        links(params)


def test_a_link_leads_to_the_data_of_who_asks_now(tmp_path):
    """A worker keeps its clone; what was linked there for another repository is not taken."""
    for number in (1, 2, 2):
        (tmp_path / str(number)).mkdir(exist_ok=True)
        on_worker._link(tmp_path / "clone/data/mine", tmp_path / str(number))
        assert (tmp_path / "clone/data/mine").resolve() == tmp_path / str(number)
    (tmp_path / "clone/own").mkdir()
    on_worker._link(tmp_path / "clone/own", tmp_path / "1")
    assert not (tmp_path / "clone/own").is_symlink()


def test_what_clones_bring_need_not_be_on_the_workers(workplace, monkeypatch):
    """The quickstart's backbone, ferflow/bundled, is committed; a path of one's own is not."""
    monkeypatch.setattr(cluster_check, "is_committed", lambda name: name == "ferflow/bundled")
    params = job().params
    assert params["features"]["backbone"] == "ferflow/bundled"
    assert named_paths([params]) == []
    (workplace / "mine").mkdir()
    for path in ("mine", str(workplace / "mine")):
        params["data"]["path"] = path
        assert named_paths([params]) == [str(workplace / "mine")]


@pytest.fixture
def come_home(make_record):
    """The two files of a record that was made elsewhere, and its job."""
    wanted = job(seed=3)
    made = make_record("quickstart", seed=3, params=public_params(wanted.params))
    files = {f"record.{ending}": made.file(ending).read_bytes() for ending in ("json", "parquet")}
    shutil.rmtree(made.file("json").parent)
    return wanted, files


def test_a_record_comes_home_as_it_was_made(come_home):
    wanted, files = come_home
    made = receive_record(files["record.json"], files["record.parquet"], wanted_of(wanted.params))
    for ending in ("json", "parquet"):
        assert made.file(ending).read_bytes() == files[f"record.{ending}"]
    assert [made] == load_records()


@pytest.mark.parametrize(
    ("name", "change", "fault"),
    [
        ("record.json", lambda content: content[:-9], "not a record"),
        ("record.json", lambda content: content + b" " * (1 << 20), "more than"),
        ("record.json", lambda content: content.replace(b'"seed": 3', b'"seed": 4'), "another run"),
        ("record.json", lambda c: c.replace(b'"balance.k_neighbors": 5', b'"x": 5'), "other param"),
        ("record.parquet", lambda content: content[:-9], "not a record's file of predictions"),
    ],
)
def test_what_is_no_record_of_the_run_is_not_kept(come_home, name, change, fault):
    wanted, files = come_home
    changed = files | {name: change(files[name])}
    assert changed != files
    with pytest.raises(DataError, match=fault):
        receive_record(changed["record.json"], changed["record.parquet"], wanted_of(wanted.params))
    assert load_records() == []
    assert not list(Path("metrics").rglob("*.parquet"))


def test_predictions_of_another_record_are_refused(come_home, make_record):
    wanted, files = come_home
    other = make_record("quickstart", seed=5).file("parquet").read_bytes()
    with pytest.raises(DataError, match="are not those of its record"):
        receive_record(files["record.json"], other, wanted_of(wanted.params))


@pytest.fixture
def of_now(monkeypatch):
    """A workplace has no dvc.yaml, from which the code's fingerprint is made."""
    monkeypatch.setattr(Pipeline, "code_fingerprint", lambda _: "of now")


@pytest.mark.usefixtures("of_now")
def test_a_run_that_fails_keeps_the_others(come_home, monkeypatch, capsys):
    wanted, files = come_home
    failing = job(seed=4)
    ends = [(failing, FerflowError("the disk is full")), (wanted, files)]
    monkeypatch.setattr(cluster, "run_there", lambda *_: iter(ends))
    with pytest.raises(FerflowError, match="1 of 2 runs failed"):
        run_jobs([failing, wanted], cluster="tcp://there:8786")
    assert [record.seed for record in load_records()] == [3]
    assert "seed 4: the disk is full" in capsys.readouterr().out
    monkeypatch.setattr(cluster, "run_there", lambda *_: pytest.fail("all is recorded"))
    assert run_jobs([wanted], cluster="tcp://there:8786") == []


def test_a_preset_that_is_edited_meanwhile_loses_no_run(come_home, workplace, monkeypatch):
    wanted, files = come_home

    def there(*_):
        preset = workplace / "presets/quickstart.yaml"
        preset.write_text(preset.read_text().replace("input_size: 96", "input_size: 64"))
        yield wanted, files

    monkeypatch.setattr(cluster, "run_there", there)
    assert [record.name for record in record_there("tcp://there:8786", [wanted])] == [
        "quickstart/seed-3"
    ]


def test_a_run_whose_files_dask_lost_is_a_line():
    def lost():
        raise CancelledError("scheduler-connection-lost")

    fault = cluster._outcome(SimpleNamespace(status="finished", result=lost))
    assert str(fault) == "it failed on the cluster: scheduler-connection-lost"


def test_a_killed_commands_params_are_not_taken_for_ones_own(workplace, monkeypatch):
    """A killed `repeat --folds` leaves a fold in params.yaml, which would be every run's."""
    monkeypatch.setattr(cluster, "run_there", lambda *_: pytest.fail("run"))
    (workplace / ".ferflow").mkdir()
    (workplace / ".ferflow/params.yaml.kept").write_bytes(PARAMS_FILE.read_bytes())
    with pytest.raises(FerflowError, match=r"saved your params\.yaml as \.ferflow/params\.yaml\.k"):
        run_jobs([job()], cluster="tcp://there:8786")


def test_a_record_without_its_file_is_a_line(come_home, monkeypatch):
    wanted, files = come_home
    del files["record.parquet"]
    monkeypatch.setattr(cluster, "run_there", lambda *_: iter([(wanted, files)]))
    with pytest.raises(FerflowError, match="1 of 1 runs failed"):
        record_there("tcp://there:8786", [wanted])
    assert load_records() == []


@pytest.mark.usefixtures("of_now")
def test_a_sweep_keeps_what_came_home(workplace, monkeypatch):
    """Of three variations one fails; the next call runs that alone, and ranks all three."""
    axes = [[{"seed": seed} for seed in range(3)]]
    monkeypatch.setattr(sweep, "sweep_axes", lambda _: axes)
    monkeypatch.setattr(sweep, "_track", lambda *words: tracked.append(words))
    tracked, asked = [], []

    def there(address, jobs, kind):
        assert (address, kind) == ("tcp://there:8786", "scores")
        asked.append([one.name for one in jobs])
        for one in reversed(jobs):
            if one.name == "1" and len(asked) == 1:
                yield one, FerflowError("killed")
                continue
            scores = dict.fromkeys(sweep._SCORES, 0.1) | {"accuracy": int(one.name) / 10}
            files = {"metrics.json": {"val": scores}, "train.json": {"train": {}}}
            yield (
                one,
                {name: json.dumps(content).encode() for name, content in files.items()}
                | {"fingerprint": f"run {one.name}".encode()},
            )

    monkeypatch.setattr(cluster, "run_there", there)
    table = sweep.sweep("quickstart", {}, "tcp://there:8786")
    assert table["accuracy"].isna().sum() == 1
    table = sweep.sweep("quickstart", {}, "tcp://there:8786")
    assert asked == [["0", "1", "2"], ["1"]]
    assert table["seed"].tolist() == [2, 1, 0]
    assert tracked[-1][2] == {f"run {seed}": str(seed) for seed in range(3)}
    assert read_json(next((workplace / ".ferflow/sweeps").glob("*.json")))["run"].startswith("run ")


@pytest.mark.usefixtures("of_now", "workplace")
def test_variations_of_one_name_keep_their_own_scores(monkeypatch):
    """Two keys may have the same value, which is all that names a variation."""
    axes = [[{"seed": 7}, {"balance.k_neighbors": 7}]]
    monkeypatch.setattr(sweep, "sweep_axes", lambda _: axes)
    monkeypatch.setattr(sweep, "_track", lambda *_: None)

    def there(_, jobs, __):
        assert [one.name for one in jobs] == ["7", "7"]
        for one in jobs:
            scores = dict.fromkeys(sweep._SCORES, 0.1) | {"accuracy": one.params["seed"] / 10}
            files = {"metrics.json": {"val": scores}, "train.json": {"train": {}}}
            files = {name: json.dumps(content).encode() for name, content in files.items()}
            yield one, files | {"fingerprint": b"run"}

    monkeypatch.setattr(cluster, "run_there", there)
    table = sweep.sweep("quickstart", {}, "tcp://there:8786")
    assert table["accuracy"].tolist() == [0.7, 0.0]
    assert table["k_neighbors"].fillna(0).tolist() == [0, 7]
