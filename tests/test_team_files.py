"""What a team's tools read: workflows, containers, hooks, the notebook, the release's versions.

They run the commands of the README and the Makefile, and are what their formats ask for.
"""

import json
import re
import sys
import tomllib
from importlib.metadata import distributions
from pathlib import Path

import pytest
import yaml
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name
from test_readme import readme_commands

ROOT = Path(__file__).parents[1]
WORKFLOWS = sorted((ROOT / ".github/workflows").glob("*.yml"))
FORMS = [p for p in sorted((ROOT / ".github/ISSUE_TEMPLATE").glob("*.yml")) if p.stem != "config"]
NOTEBOOK = ROOT / "examples/quickstart.ipynb"
TARGETS = set(re.findall(r"^([a-z]+):.*##", (ROOT / "Makefile").read_text("utf-8"), re.M))
CHECKS = re.search(r"^check:.*\n((?:\t.*\n)+)", (ROOT / "Makefile").read_text("utf-8"), re.M)[1]


def read(name):
    return (ROOT / name).read_text(encoding="utf-8")


def steps(path):
    jobs = yaml.safe_load(read(path))["jobs"].values()
    return [(job, step) for job in jobs for step in job["steps"]]


def makes(text):
    return set(re.findall(r"\bmake ([a-z]+)", text))


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_a_workflow_pins_its_actions_and_knows_no_secret_but_githubs(path):
    text = read(path)
    for used in re.findall(r"uses: (\S+)", text):
        assert re.search(r"@([0-9a-f]{40}|v\d+)$", used), used
    assert set(re.findall(r"secrets\.(\w+)", text)) <= {"GITHUB_TOKEN"}
    workflow = yaml.safe_load(text)
    assert workflow["permissions"]["contents"] == "read"
    assert all("timeout-minutes" in job for job in workflow["jobs"].values())
    for _, step in steps(path):  # text of a pull request is never part of a script
        assert not re.search(r"\$\{\{ *(github|inputs)\.", step.get("run", ""))


def test_workflows_run_the_makefiles_targets():
    ((job, _), *_) = steps(".github/workflows/tests.yml")
    assert {"test", "check", "docs", "release"} == set(job["strategy"]["matrix"]["target"])
    assert set(job["strategy"]["matrix"]["target"]) <= TARGETS
    assert "make repro" in [s.get("run") for _, s in steps(".github/workflows/metrics.yml")]


def test_windows_and_macos_are_asked_too():
    path = ".github/workflows/systems.yml"
    ((job, _), *_) = steps(path)
    systems = {name.partition("-")[0] for name in job["strategy"]["matrix"]["system"]}
    assert systems == {"ubuntu", "macos", "windows"} and job["runs-on"] == "${{ matrix.system }}"
    assert job["defaults"]["run"]["shell"] == "bash"  # one shell, with its quotes, everywhere
    (tests,) = [s["run"] for _, s in steps(path) if " pytest " in s.get("run", "")]
    named = [word for word in tests.split() if word.endswith(".py")]
    assert "tests/test_systems.py" in named and all((ROOT / name).is_file() for name in named)


@pytest.mark.long
def test_the_comment_on_a_pull_request_is_written(own):
    (script,) = [
        step["run"]
        for _, step in steps(".github/workflows/metrics.yml")
        if step.get("name") == "Write the comment"
    ]
    (own.folder / ".venv").symlink_to(sys.prefix)
    params = own.text("params.yaml").replace("n_estimators: 10", "n_estimators: 20")
    (own.folder / "params.yaml").write_text(params)
    summary = own.folder / "summary.md"
    words = {"BASE": "HEAD", "GITHUB_STEP_SUMMARY": str(summary)}
    own.run("bash", "-e", "-o", "pipefail", "-c", script, **words)
    (own.folder / ".venv").unlink()
    text = own.text("comment.md")
    assert text == summary.read_text(encoding="utf-8")
    assert re.search(r"^\| params\.yaml *\| train\.random_forest\.n_estimators *\| 10 ", text, re.M)
    pictures = re.findall(r"^!\[\w+\]\((.+)\)$", text, re.M)
    assert pictures and all((own.folder / picture).is_file() for picture in pictures)


def test_containers_run_the_readmes_two_commands():
    two = {c for c in readme_commands() if c.startswith("make ")}
    assert two == {"make repro", "make app"}
    dockerfile, container = read("Dockerfile"), json.loads(read(".devcontainer/devcontainer.json"))
    assert makes(dockerfile.split("FROM")[0]) == {"repro", "app"}
    assert json.loads(re.search(r"^CMD (.*)$", dockerfile, re.M)[1]) == ["make", "repro"]
    assert {container["postCreateCommand"], container["postAttachCommand"]} == two
    assert f"AS {container['build']['target']}\n" in dockerfile
    port = re.search(r"^\tferflow app .*PORT\),(\d+)\)", read("Makefile"), re.M)[1]
    assert int(port) in container["forwardPorts"] and f":{port}" in dockerfile
    needed = tomllib.loads(read("pyproject.toml"))["project"]["requires-python"]
    assert f"FROM python:{needed.removeprefix('>=')}-" in dockerfile


def test_hooks_are_make_check():
    (local,) = yaml.safe_load(read(".pre-commit-config.yaml"))["repos"]
    assert local["repo"] == "local"
    hooks = {hook["id"]: hook["entry"].removeprefix(".venv/bin/") for hook in local["hooks"]}
    assert makes(hooks.pop("quick")) <= TARGETS
    run = {entry.replace(" --force-exclude", "") for entry in hooks.values()}
    assert run == {line.strip() for line in CHECKS.splitlines() if "@" not in line}


@pytest.mark.parametrize("path", FORMS, ids=lambda path: path.name)
def test_an_issue_form_is_one(path):
    form = yaml.safe_load(read(path))
    assert form["name"] and form["description"]
    ids = [field["id"] for field in form["body"]]
    assert len(set(ids)) == len(ids)
    for field in form["body"]:
        assert field["type"] in {"textarea", "input"} and field["attributes"]["label"]


def test_versions_agree():
    project = tomllib.loads(read("pyproject.toml"))["project"]
    citation = yaml.safe_load(read("CITATION.cff"))
    (number, date), *_ = re.findall(r"^## (\d\S*), (\S+)$", read("CHANGELOG.md"), re.M)
    assert project["version"] == citation["version"] == number
    assert citation["date-released"] == date
    assert project["version"] not in read("README.md") + read("docs/install.md")


@pytest.mark.parametrize("path", sorted(ROOT.glob("requirements*.lock")), ids=lambda p: p.name)
def test_every_pinned_version_can_be_on_pypi(path):
    """PyPI takes no local versions, such as those of PyTorch's own index (2.13.0+cpu)."""
    pins = path.read_text(encoding="utf-8").splitlines()
    assert len(pins) > 100
    assert [pin for pin in pins if "+" in pin] == []


def test_every_pinned_package_installs_on_the_oldest_python():
    project = tomllib.loads(read("pyproject.toml"))["project"]
    oldest = f"{project['requires-python'].removeprefix('>=')}.0"
    pinned = dict(re.findall(r"^([\w.-]+)==([^\s+]+)", read("requirements-all.lock"), re.M))
    here = {(canonicalize_name(d.name), d.version): d.metadata for d in distributions()}
    known = [(pin, here[pin].get("Requires-Python", "")) for pin in pinned.items() if pin in here]
    assert len(known) > 100
    assert [pin for pin, asked in known if oldest not in SpecifierSet(asked)] == []


def test_the_release_names_every_licence_file():
    project = tomllib.loads(read("pyproject.toml"))["project"]
    named = {path for pattern in project["license-files"] for path in ROOT.glob(pattern)}
    bundled = {*ROOT.glob("LICENSE*"), *(ROOT / "ferflow").rglob("*LICENSE*")}
    assert named == bundled and len(named) == 3


@pytest.mark.long
def test_the_notebook_has_no_outputs_and_runs(own):
    notebook = json.loads(read(NOTEBOOK))
    assert notebook["nbformat"] == 4
    codes = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
    assert all(not c["outputs"] and c["execution_count"] is None for c in codes)
    program = ["import subprocess"]
    for cell in codes:
        text = "".join(cell["source"])
        magic, _, script = text.partition("\n")
        if magic == "%%bash":
            text = f"subprocess.run(['bash', '-e', '-c', {script!r}], check=True)"
        program.append(text)
    (own.folder / "examples/cells.py").write_text("\n".join([*program, "print(faces[0].label)"]))
    printed = own.run("bash", "-c", "cd examples && python cells.py")
    assert "Running stage 'balance'" in printed and "Running stage 'download'" not in printed
    assert "above every published honest figure" in printed
    assert printed.rstrip().endswith("happy")


def test_the_notebook_walks_the_readmes_commands():
    cells = json.loads(read(NOTEBOOK))["cells"]
    text = "".join(line for cell in cells for line in [*cell["source"], "\n"])
    shared = [
        "make repro",
        "source .venv/bin/activate",
        "dvc metrics diff",
        "ferflow decode 88.29%",
    ]
    shared.append("dvc exp run --set-param balance.method=none")
    for command in shared:
        assert command in readme_commands() and f"{command}\n" in text
