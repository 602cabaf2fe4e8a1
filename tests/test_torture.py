"""`make torture`: the pipeline is killed again and again. `--kills` says how often."""

import pytest
from torture.kills import Killer
from torture.scratch import FAMILIES, tell

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("family", FAMILIES)
def test_kills_leave_no_trace(family, tmp_path, pytestconfig):
    killer = Killer(tmp_path, family)
    counts = killer.run(pytestconfig.getoption("kills"))
    tell(
        **counts,
        seconds=round(killer.starts[-1]),
        foreign_in_cache=killer.foreign,
        cut_locks=killer.cut_locks,
    )
    assert killer.n_kills == pytestconfig.getoption("kills")
    assert killer.doubled_models == 0
