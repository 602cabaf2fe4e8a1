"""In what order tests run, which share a worker of pytest-xdist, and which are quick.

The tests of a file share a worker, because they share what its fixtures made. Those that run
commands in copies of the finished repository are on their own: each takes as long as a file.
"""

from inspect import unwrap
from types import CodeType, FunctionType

import pytest

PROCESSES = {"subprocess", "Popen", "run_python", "multiprocessing", "repository", "sync_api"}
LONG = {  # files and tests that train, search or draw, or wait for a process of ferflow
    "test_bundle",
    "test_finetune",
    "test_kaggle",
    "test_network_checkpoints",
    "test_network_training",
    "test_search",
    "test_a_resumed_search_is_the_undisturbed_one_to_the_last_digit",
    "test_an_absent_class_counts_as_the_metrics_count_it",
    "test_balanced_weights_find_more_of_a_rare_class",
    "test_it_keeps_scikit_learns_contract",
    "test_preprocess_holds_no_images_in_memory",
    "test_the_best_is_scored_in_full_and_racing_fits_less",
    "test_the_command_writes_tables_and_pictures",
    "test_the_scatter_of_few_seeds_is_not_made_small",
    "test_the_seed_and_nothing_else_decides",
    "test_the_seed_fixes_everything_whatever_n_jobs",
}


@pytest.hookimpl(tryfirst=True)  # pytest-xdist then reads the groups
def pytest_collection_modifyitems(items):
    for item in items:
        if "own" not in item.fixturenames and not item.get_closest_marker("xdist_group"):
            item.add_marker(pytest.mark.xdist_group(item.path.stem))
        if not item.get_closest_marker("slow") and _is_quick(item):
            item.add_marker("quick")
    items.sort(key=_turn)  # stable: otherwise as they stand in the files


def _turn(item):
    """Who makes the finished repository begins; who changes copies ends, the longest first."""
    names = set(item.fixturenames)
    if item.originalname == "test_the_readme_commands_run_as_printed" or "recorded" in names:
        return 2
    return 3 if {"own", "tracked"} & names else 0 if "small" in names else 1


def _is_quick(item):
    """Whether a test starts no process, itself or by what it calls, and is not known as long."""
    if {item.path.stem, item.originalname} & LONG:
        return False
    made = [d[-1].func for d in item._fixtureinfo.name2fixturedefs.values()]
    return not PROCESSES & set(item.fixturenames) and not any(
        PROCESSES & reached(function, set()) for function in (item.obj, *made)
    )


def reached(function, seen):
    """The names that a function uses, and those used by the functions of tests that it names."""
    function = unwrap(getattr(function, "__func__", function))
    if not isinstance(function, FunctionType) or function in seen:
        return set()
    seen.add(function)
    names = _names(function.__code__)
    for name in tuple(names):
        other = unwrap(function.__globals__.get(name))
        if "/tests/" in getattr(getattr(other, "__code__", None), "co_filename", ""):
            names |= reached(other, seen)
    return names


def _names(code):
    inner = (c for c in code.co_consts if isinstance(c, CodeType))
    return set(code.co_names).union(*(_names(c) for c in inner))
