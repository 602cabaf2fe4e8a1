"""Kaggle, with a kagglehub of our own in its place: what it does wrong stays outside."""

import time

import pytest

from ferflow.core.errors import DataError
from ferflow.download import kaggle
from ferflow.download.labels import FER2013_LABELS
from ferflow.download.sources import load_images

NAME = "msambare/fer2013"


@pytest.fixture
def fake_kagglehub(tmp_path, monkeypatch):
    """Put a kagglehub before the real one's place in the worker's path; its function is `body`."""

    def install(body):
        folder = tmp_path / "packages"
        folder.mkdir(exist_ok=True)
        lines = ["import os, pathlib, time", "def dataset_download(handle):"]
        lines += [f"    {line}" for line in body.strip().splitlines()]
        (folder / "kagglehub.py").write_text("\n".join(lines) + "\n")
        monkeypatch.setenv("PYTHONPATH", str(folder))

    return install


DELIVERS = """
folder = pathlib.Path(os.environ["KAGGLEHUB_CACHE"], "datasets", handle)
folder.mkdir(parents=True)
for i in range({n}):
    (folder / f"{{i}}.jpg").write_bytes(b"x")
pathlib.Path(r"{log}").open("a").write(handle + " ")
return str(folder)
"""


def left_in(folder):
    return {path.name for path in folder.iterdir()} - {"lock"}


def test_a_download_is_kept_and_not_repeated(tmp_path, fake_kagglehub, monkeypatch):
    monkeypatch.setattr(kaggle, "N_IMAGES", 3)
    fake_kagglehub(DELIVERS.format(n=3, log=tmp_path / "log"))
    folder = tmp_path / "kaggle"
    found = kaggle.fetch(NAME, folder)
    assert found == kaggle.fetch(NAME, folder) == folder / "msambare--fer2013-1"
    assert {path.name for path in found.iterdir()} == {"0.jpg", "1.jpg", "2.jpg"}
    assert (tmp_path / "log").read_text() == "msambare/fer2013/versions/1 "
    assert left_in(folder) == {"msambare--fer2013-1"}


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ('raise ConnectionError("no route\\nto host")', "ConnectionError: no route to host"),
        ("os._exit(1)", "the download was cut off"),
        ("time.sleep(60)", "no end after 1 seconds"),
        (DELIVERS.format(n=2, log="/dev/null"), "2 files came instead of 3"),
        ('return "/usr"', "kagglehub put it into /usr"),
    ],
    ids=["raises", "dies", "hangs", "too few files", "elsewhere"],
)
def test_a_failure_is_one_line_with_the_cure_and_leaves_nothing(
    tmp_path, fake_kagglehub, monkeypatch, body, reason
):
    monkeypatch.setattr(kaggle, "N_IMAGES", 3)
    fake_kagglehub(body)
    limit = 1 if "sleep" in body else 30
    with pytest.raises(DataError) as caught:
        kaggle.fetch(NAME, tmp_path / "kaggle", time_limit=limit)
    message = str(caught.value)
    assert message.startswith(f"Kaggle did not deliver {NAME} ({reason}")
    assert "https://www.kaggle.com/datasets/msambare/fer2013" in message
    assert "ferflow use PRESET --set data.source=path --set data.path=ZIP" in message
    assert len(message.splitlines()) == 1
    assert left_in(tmp_path / "kaggle") == set()


def test_the_worker_that_hangs_is_ended(tmp_path, fake_kagglehub):
    mark = tmp_path / "still there"
    fake_kagglehub(f'time.sleep(2)\npathlib.Path(r"{mark}").touch()')
    with pytest.raises(DataError, match=r"no end after 0\.5 seconds"):
        kaggle.fetch(NAME, tmp_path / "kaggle", time_limit=0.5)
    time.sleep(2)
    assert not mark.exists()


def test_a_package_that_is_not_there_is_named(tmp_path, fake_kagglehub):
    fake_kagglehub("pass")
    (tmp_path / "packages" / "kagglehub.py").write_text("import no_such_package_of_kagglehub")
    with pytest.raises(DataError, match=r"ModuleNotFoundError: .*no_such_package_of_kagglehub"):
        kaggle.fetch(NAME, tmp_path / "kaggle")


def test_what_a_killed_download_left_behind_is_neither_used_nor_kept(
    tmp_path, fake_kagglehub, monkeypatch
):
    monkeypatch.setattr(kaggle, "N_IMAGES", 3)
    fake_kagglehub(DELIVERS.format(n=3, log=tmp_path / "log"))
    left_behind = tmp_path / "kaggle" / "part-killed" / "cache"
    left_behind.mkdir(parents=True)
    (left_behind / "0.jpg").touch()
    kaggle.fetch(NAME, tmp_path / "kaggle")
    assert left_in(tmp_path / "kaggle") == {"msambare--fer2013-1"}


def test_the_source_kaggle_reads_what_was_fetched(
    fake_kagglehub, monkeypatch, data_params, face_files, workplace
):
    monkeypatch.setattr(kaggle, "N_IMAGES", len(face_files))
    originals = workplace / "originals"
    for name, content in face_files.items():
        (originals / name).parent.mkdir(parents=True, exist_ok=True)
        (originals / name).write_bytes(content)
    fake_kagglehub(
        'target = os.environ["KAGGLEHUB_CACHE"] + "/fer2013"\n'
        f'__import__("shutil").copytree(r"{originals}", target)\n'
        "return target"
    )
    splits = load_images(data_params(source="kaggle"), seed=0)
    assert [len(split) for split in splits.values()] == [14, 7, 7]
    assert splits["train"].labels == FER2013_LABELS
    assert (workplace / ".ferflow" / "kaggle" / "msambare--fer2013-1").is_dir()
