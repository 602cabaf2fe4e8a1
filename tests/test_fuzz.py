"""A few mutated files for every reader, the same ones each time; `make fuzz` tries more."""

import fuzz
import fuzz_inputs
import pytest
from hypothesis import HealthCheck, Phase, given, settings

N_EXAMPLES = {"model": 10, "params text": 10, "preset": 10, "setting": 10}


@pytest.fixture(scope="module", autouse=True)
def scratch(tmp_path_factory):
    """What the readers read lies in a folder of pytest's."""
    fuzz_inputs.FOLDER = tmp_path_factory.mktemp("fuzz")


@pytest.mark.parametrize("name", fuzz.READERS)
def test_a_valid_file_is_accepted(name):
    fuzz.READERS[name](fuzz_inputs.valid()[name])


@pytest.mark.parametrize("name", fuzz.READERS)
def test_a_mutated_file_gives_a_result_or_a_line(name):
    @settings(
        max_examples=N_EXAMPLES.get(name, 40),
        derandomize=True,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(fuzz_inputs.strategies()[name])
    def holds(value):
        fuzz.holds(name, value)

    holds()
