"""How the command `ferflow` speaks where its surroundings are poor."""

import os
import re
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest
from tqdm import tqdm
from typer.testing import CliRunner

from ferflow.cli import GROUPS, app
from ferflow.core.errors import FerflowError
from ferflow.evaluation.summary import next_steps
from ferflow.runs.mistakes.by_name import MISTAKES
from ferflow.settings.presets import preset_names

ROOT = Path(__file__).parents[1]


@pytest.fixture
def ferflow(workplace):
    """Run the command in the workplace: (exit code, bytes printed, bytes on the error stream)."""
    (workplace / "dvc.yaml").write_text("stages: {}\n")

    def run(*words, **variables):
        done = subprocess.run(
            [sys.executable, "-m", "ferflow", *words],
            cwd=workplace,
            env=os.environ | {"PYTHONPATH": str(ROOT)} | variables,
            capture_output=True,
            check=False,
        )
        return done.returncode, done.stdout, done.stderr

    return run


def test_a_locale_of_ascii_alone_is_spoken_to_in_utf8(ferflow):
    code, printed, said = ferflow("presets", LC_ALL="C", PYTHONUTF8="0")
    assert (code, said) == (0, b"")
    assert "quickstart" in printed.decode("utf-8")


def test_what_the_disk_refuses_is_a_line(ferflow, workplace):
    (workplace / ".mlflow").write_text("a file where the store's folder belongs", encoding="utf-8")
    code, _, said = ferflow("store")
    assert code == 1
    (line,) = said.decode().splitlines()
    assert line.startswith("error: [Errno 17] File exists")


def test_the_next_steps_are_commands_that_work_where_they_are_shown(workplace):
    every = {name for names in GROUPS.values() for name in names}
    clone = next_steps()
    assert "make ui" in clone and ".venv/bin/activate" in clone
    (workplace / "code").mkdir()  # of a project that `ferflow new` made
    project = next_steps()
    for text in (clone, project):
        assert set(re.findall(r"ferflow (\w+)", text)) <= every
    assert not re.search(r"make |\.venv|ferflow use", project)


def test_help_lists_every_command_in_its_group():
    text = CliRunner().invoke(app, ["--help"]).output
    titles = re.findall(r"^(\w[\w ]+):$\n((?:  .+\n)+)", text, re.MULTILINE)
    listed = {title: re.findall(r"^  (\w+)  ", lines, re.MULTILINE) for title, lines in titles}
    assert {title: listed[title] for title in GROUPS} == GROUPS
    assert "--install-completion" in text


@pytest.mark.parametrize("command", ["presets", "models", "mistakes"])
def test_names_are_whole_in_80_columns(command, monkeypatch):
    monkeypatch.chdir(ROOT)
    printed = CliRunner().invoke(app, [command], env={"COLUMNS": "80"}).output
    names = {"presets": preset_names(), "models": ["widekernel-modified"], "mistakes": MISTAKES}
    assert all(re.search(rf"(^|\s){name}(\s|$)", printed, re.MULTILINE) for name in names[command])
    assert max(map(len, printed.splitlines())) <= 80


def test_quiet_hides_progress_also_in_the_stages(monkeypatch):
    code = "import sys; sys.stderr.isatty = lambda: True; from tqdm import tqdm\n"
    code += "from ferflow.core.progress import hide_if_quiet; hide_if_quiet()\n"
    code += "list(tqdm(range(3), disable=None, file=sys.stderr))"
    for quiet, shown in (("", True), ("1", False)):
        done = subprocess.run(
            [sys.executable, "-c", code],
            env=os.environ | {"PYTHONPATH": str(ROOT), "FERFLOW_QUIET": quiet},
            capture_output=True,
            text=True,
            check=True,
        )
        assert ("3/3" in done.stderr) == shown
    monkeypatch.setenv("FERFLOW_QUIET", "")
    monkeypatch.setattr(tqdm, "__init__", tqdm.__init__)
    CliRunner().invoke(app, ["--quiet", "decode", "0.5"])
    assert os.environ["FERFLOW_QUIET"] == "1"


def test_the_version_is_printed_anywhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(app, ["--version"])
    assert (done.exit_code, done.output) == (0, f"ferflow {version('ferflow')}\n")


@pytest.mark.parametrize("words", ["presets", "models allconv", "decode 88.29%"])
def test_what_only_explains_works_anywhere(words, tmp_path, monkeypatch):
    (tmp_path / "presets").mkdir()  # of something else
    (tmp_path / "presets/warm.yaml").write_text("contrast: 7\n", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(app, words.split(), catch_exceptions=False)
    assert done.exit_code == 0 and "warm" not in done.output


def test_an_age_beyond_the_calendar_is_a_line(workplace, monkeypatch):
    (workplace / "dvc.yaml").write_text("stages: {}\n", encoding="utf-8")
    monkeypatch.chdir(workplace)
    done = CliRunner().invoke(app, ["clean", "--older-than", "800000"])
    assert done.exit_code == 2 and "less than or equal to 36500" in done.output


def test_in_a_repository_its_own_presets_are_listed(workplace, monkeypatch):
    (workplace / "dvc.yaml").write_text("stages: {}\n", encoding="utf-8")
    text = "about: a system of mine\nparams: {}\n"
    (workplace / "presets/mine.yaml").write_text(text, encoding="utf-8")
    monkeypatch.chdir(workplace / "presets")
    assert "mine" in CliRunner().invoke(app, ["presets"], catch_exceptions=False).output


def test_what_works_on_a_repository_says_so_elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(FerflowError, match=r"is not inside a ferflow .*make a project: "):
        CliRunner().invoke(app, ["check"], catch_exceptions=False)


@pytest.mark.parametrize(("blocks", "written"), [(1000, False), (1_000_000, True)])
def test_no_module_is_kept_compiled_where_the_disk_is_nearly_full(blocks, written):
    """Python would keep a cut-off one, over which every later import fails."""
    code = f"""
import os, sys
os.statvfs = lambda _: os.statvfs_result((4096, 4096, 9, 9, {blocks}, 9, 9, 9, 0, 255))
import ferflow
assert sys.dont_write_bytecode == (not {written})
"""
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    environment["PYTHONPATH"] = str(ROOT)
    subprocess.run([sys.executable, "-c", code], check=True, env=environment)
