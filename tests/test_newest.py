"""What `make lock-newest` prints of two locks."""

from tests.newest import changes, pins


def test_versions_that_differ_are_named_with_both():
    before, now = pins("a==1.0\nb==2\nc==3\n"), pins("# pinned\na==1.0\nb==2.1\nd==4\n")
    assert changes(before, now) == ["b: 2 -> 2.1", "c: 3 -> none", "d: none -> 4"]
    assert changes(before, before) == []
