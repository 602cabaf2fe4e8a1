"""What `pip install ferflow` leaves out, and what is said where it is missing."""

import ast
import sys
import tomllib
from importlib.metadata import packages_distributions, requires
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from ferflow import cli, extras

ROOT = Path(__file__).parents[1]
BROUGHT = {name for _, modules in extras.EXTRAS.values() for name in modules}


def imported():
    """The packages of others that the code imports, anywhere."""
    names = set()
    for path in ROOT.glob("ferflow/**/*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                names |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                names.add(node.module)
    return {name.partition(".")[0] for name in names} - {*sys.stdlib_module_names, "ferflow"}


def light_modules():
    """The modules of what pip installs with ferflow alone."""
    asked = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]
    done = set()
    while asked:
        found = Requirement(asked.pop())
        name = canonicalize_name(found.name)
        if name not in done and (not found.marker or found.marker.evaluate({"extra": ""})):
            done.add(name)
            asked += requires(name) or []
    return {
        module
        for module, names in packages_distributions().items()
        if done & {canonicalize_name(name) for name in names}
    }


def test_what_is_imported_is_installed_or_brought_by_an_extra():
    light = light_modules()
    assert "typer" in light
    assert imported() - light - BROUGHT == set()
    assert light & BROUGHT == set()


@pytest.fixture
def without(monkeypatch):
    """Let a module be none that is installed."""

    def hide(module):
        monkeypatch.setattr(extras, "find_spec", lambda name: None if name == module else name)

    return hide


@pytest.mark.parametrize(
    ("module", "extra"),
    [
        ("sklearn.metrics", "workflow"),
        ("gradio", "app"),
        ("av", "media"),
        ("distributed.comm", "cluster"),
    ],
)
def test_the_extra_of_a_missing_module_is_named(without, module, extra):
    without(module.partition(".")[0])
    assert f"pip install 'ferflow[{extra}]'" in extras.missing(module)


@pytest.mark.parametrize(
    "module", ["torch.no_such_part", "ferflow.nowhere", "no_such_package", None]
)
def test_nothing_is_said_of_what_no_extra_would_bring(module):
    assert extras.missing(module) is None


def fail_with(monkeypatch, module):
    def app():
        raise ModuleNotFoundError(f"No module named {module!r}", name=module)

    monkeypatch.setattr(cli, "app", app)
    monkeypatch.setattr(sys, "argv", ["ferflow", "compare", "a", "b"])


def test_a_command_without_its_extra_is_a_line(monkeypatch, without):
    fail_with(monkeypatch, "scipy.stats")
    without("scipy")
    with pytest.raises(SystemExit) as end:
        cli.main()
    assert end.value.code == (
        "error: ferflow compare needs the workflow for this, and scipy is not installed: "
        "pip install 'ferflow[workflow]'."
    )


def test_a_fault_of_the_code_is_not_hidden(monkeypatch):
    fail_with(monkeypatch, "ferflow.nowhere")
    with pytest.raises(ModuleNotFoundError):
        cli.main()
