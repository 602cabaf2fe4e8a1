"""Look the pinned packages up among PyPI's advisories, by pip-audit; run by `make audit`.

Fails where there is an advisory that is not in KNOWN. Without a network, or behind a mirror
that has no advisories, it says so and fails nothing.
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

LOCK = Path("requirements-all.lock")
TIME_LIMIT = 180  # seconds; 200 packages take some 10

# Advisory -> why it does not concern us, or until when it is borne.
KNOWN: dict[str, str] = {}


def main() -> None:
    report = ask(LOCK)
    lines, failed = judge(report, KNOWN)
    print("\n".join(lines))
    sys.exit(failed)


def ask(lock: Path) -> dict[str, Any] | None:
    """pip-audit's report; None where it could not ask."""
    with tempfile.TemporaryDirectory() as folder:
        wanted = Path(folder) / "requirements.txt"
        # PyPI knows no local versions such as torch's +cpu
        pins = [line.partition("+")[0] for line in lock.read_text(encoding="utf-8").splitlines()]
        wanted.write_text("\n".join(pins) + "\n", encoding="utf-8")
        command = [sys.executable, "-m", "pip_audit", "-r", str(wanted), "--no-deps"]
        command += ["--disable-pip", "--progress-spinner", "off", "--format", "json"]
        try:
            done = subprocess.run(
                command, capture_output=True, text=True, check=False, timeout=TIME_LIMIT
            )
            report: dict[str, Any] = json.loads(done.stdout)
        except (subprocess.TimeoutExpired, ValueError):
            return None
    return report


def judge(report: dict[str, Any] | None, known: dict[str, str]) -> tuple[list[str], bool]:
    """What to say of a report, and whether it holds an advisory that is not known."""
    packages = report["dependencies"] if report is not None else []
    asked = [package for package in packages if "skip_reason" not in package]
    if not asked:
        return ["advisories: none could be had here (no network, or a mirror). Not checked."], False
    left_out = sorted(package["name"] for package in packages if "skip_reason" in package)
    lines, new = [], 0
    for package in asked:
        for found in package["vulns"]:
            names = [found["id"], *found.get("aliases", [])]
            reason = next((known[name] for name in names if name in known), None)
            new += reason is None
            cure = ", ".join(found.get("fix_versions", [])) or "no version"
            lines.append(
                f"{package['name']} {package['version']}: {' '.join(names)}, cured by {cure}"
                + (
                    f"; known: {reason}"
                    if reason
                    else "; NEW: update it, or give a reason in KNOWN"
                )
            )
    lines.append(f"advisories: {len(asked)} packages looked up, {len(lines)} found, {new} new")
    if left_out:
        lines.append(f"not on PyPI, so not looked up: {', '.join(left_out)}")
    return lines, new > 0


if __name__ == "__main__":
    main()
