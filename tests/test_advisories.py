"""What `make audit` says of a report, and when it fails."""

import advisories


def report(*packages):
    return {"dependencies": list(packages)}


SOUND = {"name": "numpy", "version": "2.4.6", "vulns": []}
ABSENT = {"name": "torch", "skip_reason": "not found on PyPI"}
WEAK = {
    "name": "jinja2",
    "version": "3.1.0",
    "vulns": [{"id": "PYSEC-1", "aliases": ["CVE-1"], "fix_versions": ["3.1.6"]}],
}


def test_where_nothing_can_be_asked_nothing_fails_and_a_line_says_so():
    for content in (None, report(), report(ABSENT, ABSENT)):
        lines, failed = advisories.judge(content, {})
        assert not failed
        assert lines == [
            "advisories: none could be had here (no network, or a mirror). Not checked."
        ]


def test_a_new_advisory_fails_and_names_its_cure():
    lines, failed = advisories.judge(report(SOUND, WEAK), {})
    assert failed
    assert lines[0].startswith("jinja2 3.1.0: PYSEC-1 CVE-1, cured by 3.1.6; NEW")
    assert lines[1] == "advisories: 2 packages looked up, 1 found, 1 new"


def test_an_advisory_that_is_known_with_its_reason_does_not_fail():
    for name in ("PYSEC-1", "CVE-1"):
        lines, failed = advisories.judge(report(WEAK), {name: "only in its sandbox, unused here"})
        assert not failed
        assert lines[0].endswith("known: only in its sandbox, unused here")


def test_packages_that_were_not_looked_up_are_named():
    lines, failed = advisories.judge(report(SOUND, ABSENT), {})
    assert not failed
    assert lines[-1] == "not on PyPI, so not looked up: torch"


def test_a_report_that_does_not_come_is_none(tmp_path, monkeypatch):
    monkeypatch.setattr(advisories.sys, "executable", "/bin/false")
    (tmp_path / "lock").write_text("numpy==2.4.6\ntorch==2.13.0+cpu\n")
    assert advisories.ask(tmp_path / "lock") is None
