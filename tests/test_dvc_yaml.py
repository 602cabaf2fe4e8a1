"""dvc.yaml: what it says of the code is what the code does."""

import ast
import re
import shlex
from pathlib import Path, PurePosixPath

import grimp
import pytest

from ferflow.core.params import flatten, read_yaml
from ferflow.core.pipeline import dvc_md5
from ferflow.runs.mistakes import by_name as mistakes
from ferflow.settings.check import SECTIONS

ROOT = Path(__file__).parents[1]
PIPELINE = read_yaml(ROOT / "dvc.yaml")
STAGES = PIPELINE["stages"]
CHAIN = [stage for stage in STAGES if stage != "check"]
MISTAKES = read_yaml(ROOT / "mistakes/dvc.yaml")["stages"]["mistake"]
FOLDERS = ("ferflow", "stages")

# a stage's own section of params.yaml, where it has another name than the stage
OWN_SECTION = {"download": "data", "extract_features": "features", "select_features": "selection"}
# what a stage reads beside its own section
BESIDE = {"train": {"compute"}, "preprocess": {"data"}}
# stages that watch no parameters: `check` watches the file
WITHOUT_SECTION = {"check", "track"}
# parameters that a stage reads and DVC must not watch: the data's fingerprint stands for its place
UNWATCHED = {"data.path"}
# stages that fit nothing, besides `evaluate`
FIT_NOTHING = {"download", "preprocess", "extract_features"}


GRAPH = grimp.build_graph(*FOLDERS, cache_dir=None)
# where import_module takes a name from params.yaml; its modules count as imported
CHOSEN = {
    "ferflow.training.shared.family": "ferflow.training.families.*.family",
    "ferflow.training.shared.params": "ferflow.training.families.*",
    "ferflow.training.families.network": "ferflow.training.architectures.*",
    "ferflow.features.extraction": "ferflow.features.extractors.*",
}
for _module, _pattern in CHOSEN.items():
    for _found in GRAPH.find_matching_modules(_pattern):
        if _found != _module:
            GRAPH.add_import(importer=_module, imported=_found)
# MLflow gets this one as a file
GRAPH.add_import(importer="ferflow.tracking.model", imported="ferflow.tracking.served_model")


def file_of(module):
    """'ferflow.aco' -> 'ferflow/aco/__init__.py', 'ferflow.cli' -> 'ferflow/cli.py'"""
    path = PurePosixPath(*module.split("."))
    return str(path / "__init__.py" if (ROOT / path).is_dir() else path.with_suffix(".py"))


def reached_by(stage):
    """The files of ours that a stage's script imports, directly or not."""
    return set(map(file_of, GRAPH.find_upstream_modules(f"stages.{stage}")))


def modules_in(folder):
    paths = {f"{folder}/{path.name}" for path in (ROOT / folder).glob("*.py")}
    return paths - {f"{folder}/__init__.py"}


def rooms_among(deps):
    """The code among deps, whatever a parameter may name in them: 'ferflow/core', ..."""
    return [re.sub(r"\$\{.*?\}", "*", dep) for dep in deps if dep.startswith("ferflow/")]


def lies_in(file, room):
    return any(path.match(room) for path in (PurePosixPath(file), *PurePosixPath(file).parents))


def check_rooms(stage, deps):
    reached, rooms = reached_by(stage), rooms_among(deps)
    missing = {file for file in reached if not any(lies_in(file, room) for room in rooms)}
    assert {file for file in missing if not is_empty(ROOT / file)} == set()
    assert [room for room in rooms if not any(lies_in(file, room) for file in reached)] == []


def is_empty(file):
    """Whether a file runs nothing but its docstring."""
    return len(ast.parse(file.read_text(encoding="utf-8")).body) <= 1


def kept_in_cache(entry):
    """The outs of a stage that DVC's cache keeps."""
    return [out for out in entry.get("outs", []) if isinstance(out, str)]


def kept_in_git(entry):
    """The metrics and tables of a stage, with their options."""
    return [
        item
        for item in [*entry.get("outs", []), *entry.get("metrics", [])]
        if isinstance(item, dict)
    ]


def sections_of(entry):
    return {key.split(".")[0] for key in entry.get("params", [])}


def param_sections(stage):
    return sections_of(STAGES[stage])


def own_section(stage):
    own = set() if stage in WITHOUT_SECTION else {OWN_SECTION.get(stage, stage)}
    return own | BESIDE.get(stage, set())


def script(stage):
    return f"stages/{stage}.py"


def calls_in(file, function):
    """The calls of a function in a file, by the function's name."""
    tree = ast.parse((ROOT / file).read_text(encoding="utf-8"))
    return [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == function
    ]


def sections_read(file):
    """The sections of params.yaml that a script reads."""
    read = {call.args[0].value for call in calls_in(file, "load_params")}
    return read | ({"train"} if calls_in(file, "load_family") else set())


@pytest.mark.parametrize("stage", CHAIN)
def test_a_stage_reaches_its_rooms_and_nothing_else(stage):
    assert script(stage) in STAGES[stage]["deps"]
    check_rooms(stage, STAGES[stage]["deps"])


def test_rooms_that_are_missing_or_not_reached_are_found():
    deps = [dep for dep in STAGES["balance"]["deps"] if dep != "ferflow/balance"]
    with pytest.raises(AssertionError, match="resample"):
        check_rooms("balance", deps)
    with pytest.raises(AssertionError, match="ferflow/aco"):
        check_rooms("balance", [*STAGES["balance"]["deps"], "ferflow/aco"])


def test_every_module_that_a_parameter_can_choose_counts():
    call = 'import_module(f"ferflow.'
    for module in CHOSEN:
        assert call in (ROOT / file_of(module)).read_text(encoding="utf-8")
    for file in (*ROOT.glob("ferflow/**/*.py"), *ROOT.glob("stages/*.py")):
        if call in file.read_text(encoding="utf-8"):
            assert str(file.relative_to(ROOT)) in map(file_of, CHOSEN)


@pytest.mark.parametrize("stage", STAGES)
def test_no_dep_and_no_out_is_named_twice(stage):
    for key in ("deps", "outs", "metrics", "params"):
        entries = list(map(str, STAGES[stage].get(key, [])))
        assert len(set(entries)) == len(entries)


def test_every_script_is_a_stage_and_every_stage_has_a_script():
    assert modules_in("stages") == {script(stage) for stage in [*STAGES, "mistake"]}
    for stage, entry in STAGES.items():
        assert entry["cmd"].split()[:4] == ["exec", "python", "-m", f"stages.{stage}"]


def test_the_mistakes_are_those_that_there_are_with_all_the_code_they_reach():
    assert MISTAKES["foreach"] == list(mistakes.MISTAKES)
    check_rooms("mistake", MISTAKES["do"]["deps"])


def test_the_honest_chain_has_no_branch_for_mistakes():
    for stage in STAGES:
        assert not any(file.startswith("ferflow/runs/") for file in reached_by(stage)), stage


def test_packages_around_the_rooms_hold_no_code_that_a_dep_would_miss():
    rooms = {room for entry in STAGES.values() for room in rooms_among(entry["deps"])}
    around = {parent for room in rooms for parent in PurePosixPath(room).parents} - {
        PurePosixPath("."),
        PurePosixPath("ferflow"),  # its __getattr__ runs for who asks for Recognizer
    }
    assert PurePosixPath("ferflow/training") in around
    assert [path for path in around if not is_empty(ROOT / path / "__init__.py")] == []


def test_pipelines_are_short_enough_to_be_read():
    assert len((ROOT / "dvc.yaml").read_text(encoding="utf-8").splitlines()) <= 280
    assert len((ROOT / "mistakes/dvc.yaml").read_text(encoding="utf-8").splitlines()) <= 60


def test_only_evaluate_and_stages_that_fit_nothing_are_handed_the_test_split():
    handed = set()
    for stage, entry in STAGES.items():
        files = [*entry["deps"], *kept_in_cache(entry)]
        test_files = {PurePosixPath(f) for f in files if "test" in PurePosixPath(f).name}
        if test_files:
            handed.add(stage)
    assert handed == {"evaluate"} | FIT_NOTHING


@pytest.mark.parametrize("stage", sorted(set(STAGES) - FIT_NOTHING - {"evaluate"}))
def test_no_word_of_a_fitting_stages_command_leads_to_the_test_split(stage):
    outs = [PurePosixPath(out) for entry in STAGES.values() for out in kept_in_cache(entry)]
    test_files = [out for out in outs if "test" in out.name]
    assert test_files
    for word in shlex.split(STAGES[stage]["cmd"])[4:]:
        assert "test" not in word
        assert PurePosixPath(word) not in {parent for f in test_files for parent in f.parents}


def test_a_stage_reads_only_what_the_stages_above_it_make():
    made = {"params.yaml"}
    for stage, entry in STAGES.items():
        for dep in entry["deps"]:
            is_code = dep.endswith((".py", "}")) or dep.startswith(FOLDERS)
            assert is_code or dep in made, f"{stage}: {dep}"
        for kind in ("outs", "metrics"):
            made |= {
                out if isinstance(out, str) else next(iter(out)) for out in entry.get(kind, [])
            }


@pytest.mark.parametrize("stage", STAGES)
def test_params_name_the_stages_own_section_only(stage):
    assert param_sections(stage) - {"seed"} == own_section(stage)


@pytest.mark.parametrize("stage", STAGES)
def test_a_stage_watches_the_seed_if_and_only_if_it_reads_it(stage):
    assert ("seed" in param_sections(stage)) == bool(calls_in(script(stage), "load_seed"))


@pytest.mark.parametrize("stage", STAGES)
def test_a_stage_reads_the_section_that_it_watches(stage):
    assert sections_read(script(stage)) == param_sections(stage) - {"seed"}


def test_the_mistakes_watch_what_they_read_of_the_parameters():
    assert sections_read("stages/mistake.py") | {"seed"} == sections_of(MISTAKES["do"])


@pytest.mark.parametrize("stage", sorted(set(STAGES) - {"train"} - WITHOUT_SECTION))
def test_every_parameter_of_a_section_is_watched(stage):
    section = OWN_SECTION.get(stage, stage)
    watched = {key for entry in STAGES.values() for key in entry.get("params", [])}
    fields = {f"{section}.{name}" for name in SECTIONS[section].model_fields}
    assert section in watched or fields - UNWATCHED == {
        key for key in watched if key.startswith(f"{section}.")
    }


def test_train_watches_its_family_and_that_familys_section():
    assert set(STAGES["train"]["params"]) == {
        "seed",
        "train.family",
        "train.add_validation",
        "train.search",
        "train.${train.family}",
        "compute",
    }


def test_metrics_and_tables_are_kept_in_git_and_artifacts_in_the_cache():
    for entry in STAGES.values():
        assert all(item[name] == {"cache": False} for item in kept_in_git(entry) for name in item)
        assert not any(out.startswith("metrics/") for out in kept_in_cache(entry))


def test_every_table_for_plots_is_a_chart_with_a_title_and_labelled_axes():
    pictures, *charts = PIPELINE["plots"]
    assert pictures == "data/evaluation/pictures"
    drawn = set()
    for chart in charts:
        ((name, options),) = chart.items()
        assert {"title", "x", "y", "x_label", "y_label"} <= options.keys()
        tables = options["y"] if isinstance(options["y"], dict) else {name: options["y"]}
        for table, columns in tables.items():
            header = (ROOT / table).read_text(encoding="utf-8").splitlines()[0].split(",")
            assert {options["x"], *([columns] if isinstance(columns, str) else columns)} <= {
                *header
            }
        drawn |= tables.keys()
    assert drawn == {file for file in metrics_files() if file.startswith("metrics/plots/")}


def metrics_files():
    """Every metrics file and table that a pipeline names."""
    kept = [item for entry in STAGES.values() for item in kept_in_git(entry)]
    named = {next(iter(item)) for item in kept}
    (of_mistakes,) = MISTAKES["do"]["metrics"]
    (template,) = of_mistakes
    return named | {template.replace("${item}", name) for name in MISTAKES["foreach"]}


def test_every_metrics_file_and_plot_is_committed():
    """Where one is missing, `dvc metrics show` and `diff` warn in every clean clone."""
    assert [file for file in sorted(metrics_files()) if not (ROOT / file).exists()] == []


def test_the_committed_lock_belongs_to_the_committed_code_and_parameters():
    """Whoever changes code or parameters commits what `make repro` then makes of them."""
    lock = read_yaml(ROOT / "dvc.lock")["stages"]
    params = flatten(read_yaml(ROOT / "params.yaml"))
    for stage, entry in lock.items():
        for dep in entry["deps"]:
            if dep["path"].startswith(FOLDERS):
                assert dvc_md5(ROOT / dep["path"]) == dep["md5"], (stage, dep["path"])
        for key, value in flatten(entry.get("params", {}).get("params.yaml", {})).items():
            assert params[key] == value, (stage, key)
