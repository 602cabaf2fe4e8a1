"""dvc.yaml: what it says of the code is what the code does."""

import ast
import shlex
from pathlib import Path, PurePosixPath

import pytest

import ferflow
from ferflow.costs import dvc_md5
from ferflow.papers import mistakes
from ferflow.params import flatten, read_yaml
from ferflow.sections import SECTIONS

ROOT = Path(__file__).parents[1]
STAGES = read_yaml(ROOT / "dvc.yaml")["stages"]
CHAIN = [stage for stage in STAGES if stage != "check"]
MISTAKES = read_yaml(ROOT / "mistakes/dvc.yaml")["stages"]["mistake"]
FOLDERS = ("ferflow", "stages")

# a stage's own section of params.yaml, where it has another name than the stage
OWN_SECTION = {"download": "data", "extract_features": "features", "select_features": "selection"}
# what a stage reads beside its own section
BESIDE = {"train": {"compute"}}
# stages that watch no parameters: `check` watches the file
WITHOUT_SECTION = {"check", "track"}
# parameters that a stage reads and DVC must not watch: the data's fingerprint stands for its place
UNWATCHED = {"data.path"}
# stages that fit nothing, besides `evaluate`
FIT_NOTHING = {"download", "preprocess", "extract_features"}


def module_file(name):
    """The file of one of our modules or of a package with code; None for what others wrote."""
    path = PurePosixPath(*name.split("."))
    if path.parts[0] not in FOLDERS:
        return None
    if (ROOT / path).is_dir():
        path /= "__init__.py"
        return str(path) if holds_code(ROOT / path) else None
    path = path.with_suffix(".py")
    return str(path) if (ROOT / path).is_file() else None


def holds_code(init):
    """Whether importing a package runs more than its docstring.

    A __getattr__ runs for who asks for a name that it makes; no stage may (see `imported_files`).
    """
    return any(map(runs_code, ast.parse(init.read_text(encoding="utf-8")).body[1:]))


def runs_code(node):
    match node:
        case ast.FunctionDef(name="__getattr__"):
            return False
        case ast.Assign(targets=[ast.Name(id="__all__")]):
            return False
    return True


def packages_of(file):
    """The __init__ files with code that Python runs before it comes to a module."""
    folders = [parent for parent in PurePosixPath(file).parents if parent.parts]
    inits = {folder / "__init__.py" for folder in folders}
    return {str(init) for init in inits if (ROOT / init).is_file() and holds_code(ROOT / init)}


def imported_files(file):
    """Our files that a file imports or names, wherever in it that stands."""
    names, found = set(), set()
    for node in ast.walk(ast.parse((ROOT / file).read_text(encoding="utf-8"))):
        match node:
            case ast.Import(names=aliases):
                names |= {alias.name for alias in aliases}
            case ast.ImportFrom(module=module, names=aliases, level=level):
                assert level == 0, f"{file}: relative import"
                made = {alias.name for alias in aliases} & set(ferflow.__all__)
                assert not (module == "ferflow" and made), f"{file}: {made}"
                names |= {module} | {f"{module}.{alias.name}" for alias in aliases}
            case ast.Call(func=ast.Attribute(attr="import_module"), args=[argument, *_]):
                found |= chosen_at_run_time(file, argument)
            case ast.Call(func=ast.Attribute(attr="with_name"), args=[ast.Constant(value=name)]):
                found |= (
                    {str(PurePosixPath(file).with_name(name))} if name.endswith(".py") else set()
                )
    found |= {path for name in names if (path := module_file(name))}
    return found.union(*map(packages_of, found))


def chosen_at_run_time(file, argument):
    """Every module that import_module(f"ferflow.features.{...}") could mean, or
    import_module(f"ferflow.train.{...}.family").
    """
    match argument:
        case ast.JoinedStr(values=[ast.Constant(value=prefix), ast.FormattedValue()]):
            return modules_in(prefix.rstrip(".").replace(".", "/"))
        case ast.JoinedStr(
            values=[ast.Constant(value=prefix), ast.FormattedValue(), ast.Constant(value=suffix)]
        ):
            folder = ROOT / prefix.rstrip(".").replace(".", "/")
            found = folder.glob(f"*{suffix.replace('.', '/')}.py")
            return {str(path.relative_to(ROOT)) for path in found}
    raise AssertionError(f"{file}: cannot tell what {ast.unparse(argument)} imports")


def modules_in(folder):
    paths = {f"{folder}/{path.name}" for path in (ROOT / folder).glob("*.py")}
    return paths - {f"{folder}/__init__.py"}


def reached_from(file):
    """The file and all of ours that it imports, directly or not."""
    reached, waiting = set(), {file}
    while waiting:
        reached |= (new := {waiting.pop()})
        waiting |= set().union(*map(imported_files, new)) - reached
    return reached


def declared_code(stage):
    """Modules among a stage's deps; what a parameter names stands for all beside it."""
    return code_among(STAGES[stage]["deps"])


def code_among(deps):
    code = set()
    for dep in deps:
        if dep.endswith("}.py"):
            code |= modules_in(str(PurePosixPath(dep).parent))
        elif dep.endswith("}"):
            families = (ROOT / dep).parent.glob("*/**/*.py")
            code |= {str(path.relative_to(ROOT)) for path in families if not is_empty(path)}
        elif dep.endswith(".py"):
            code.add(dep)
        elif dep.startswith(FOLDERS):
            code |= modules_in(dep)
    return code


def is_empty(file):
    return file.name == "__init__.py" and not holds_code(file)


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
def test_deps_name_exactly_the_modules_that_the_script_reaches(stage):
    assert declared_code(stage) == reached_from(script(stage))


@pytest.mark.parametrize("stage", STAGES)
def test_no_dep_and_no_out_is_named_twice(stage):
    for key in ("deps", "outs", "metrics", "plots", "params"):
        entries = list(map(str, STAGES[stage].get(key, [])))
        assert len(set(entries)) == len(entries)


def test_every_script_is_a_stage_and_every_stage_has_a_script():
    assert modules_in("stages") == {script(stage) for stage in [*STAGES, "mistake"]}
    for stage, entry in STAGES.items():
        assert entry["cmd"].split()[:4] == ["exec", "python", "-m", f"stages.{stage}"]


def test_the_mistakes_are_those_that_there_are_with_all_the_code_they_reach():
    assert MISTAKES["foreach"] == list(mistakes.MISTAKES)
    assert code_among(MISTAKES["do"]["deps"]) == reached_from("stages/mistake.py")


def test_the_honest_chain_has_no_branch_for_mistakes():
    for stage in STAGES:
        reached = reached_from(script(stage))
        assert not any(path.startswith("ferflow/papers/") for path in reached), stage


def test_a_package_with_a_face_of_its_own_counts_as_a_module():
    assert module_file("ferflow.data") is None
    assert module_file("ferflow.aco") == "ferflow/aco/__init__.py"
    assert "ferflow/aco/selector.py" in imported_files("ferflow/aco/__init__.py")
    assert "ferflow/aco/__init__.py" in imported_files("ferflow/aco/folds.py")


def test_packages_hold_no_code_that_a_dep_would_miss():
    for folder in FOLDERS:
        for path in (ROOT / folder).rglob("__init__.py"):
            docstring, *code = ast.parse(path.read_text(encoding="utf-8")).body
            assert isinstance(docstring, ast.Expr)
            assert all(isinstance(node, ast.ImportFrom) for node in code if runs_code(node))


def test_only_evaluate_and_stages_that_fit_nothing_are_handed_the_test_split():
    handed = set()
    for stage, entry in STAGES.items():
        files = [*entry["deps"], *entry.get("outs", [])]
        test_files = {PurePosixPath(f) for f in files if "test" in PurePosixPath(f).name}
        if test_files:
            handed.add(stage)
    assert handed == {"evaluate"} | FIT_NOTHING


@pytest.mark.parametrize("stage", sorted(set(STAGES) - FIT_NOTHING - {"evaluate"}))
def test_no_word_of_a_fitting_stages_command_leads_to_the_test_split(stage):
    outs = [PurePosixPath(out) for entry in STAGES.values() for out in entry.get("outs", [])]
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
        for kind in ("outs", "metrics", "plots"):
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
    watched = set(STAGES[stage]["params"])
    fields = {f"{section}.{name}" for name in SECTIONS[section].model_fields}
    assert section in watched or fields - UNWATCHED == watched - {"seed"}


def test_train_watches_its_family_and_that_familys_section():
    assert set(STAGES["train"]["params"]) == {
        "seed",
        "train.family",
        "train.add_validation",
        "train.search",
        "train.${train.family}",
        "compute",
    }


def test_metrics_and_plots_are_kept_in_git_and_artifacts_in_the_cache():
    for entry in STAGES.values():
        for item in [*entry.get("metrics", []), *entry.get("plots", [])]:
            (options,) = item.values()
            assert options["cache"] is False
        assert all(isinstance(out, str) for out in entry.get("outs", []))


def metrics_files():
    """Every metrics file and plot that a pipeline names."""
    kept = [m for entry in STAGES.values() for m in entry.get("metrics", [])]
    kept += [plot for entry in STAGES.values() for plot in entry.get("plots", [])]
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
