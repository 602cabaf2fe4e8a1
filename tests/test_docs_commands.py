"""Every `ferflow use` in the README and the documentation is legal."""

import re
import shlex
from pathlib import Path

import pytest

from ferflow.settings.presets import compose, parse_setting

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
OF_THE_READER = "train.network.architecture=tiny"  # a network that no build has


def commands():
    """Page and words of each command in a block of a shell."""
    for page in PAGES:
        for block in re.findall(r"```sh\n(.*?)```", page.read_text("utf-8"), re.DOTALL):
            for line in re.split(r"\n|&&", block.replace("\\\n", " ")):
                words = shlex.split(line, comments=True)
                if words[:2] == ["ferflow", "use"] and OF_THE_READER not in words:
                    yield page.name, words[2:]


def there(value, file):
    """A setting's value, with a file that there is in the place of the reader's."""
    if isinstance(value, list):
        return [there(each, file) for each in value]
    is_file = isinstance(value, str) and re.match(r"\.\./|~/|/|fer2013\.zip", value)
    return str(file) if is_file else value


@pytest.mark.parametrize(("page", "words"), [*commands()])
def test_a_command_of_the_documentation_is_legal(page, words, tmp_path):
    preset, *settings = [word for word in words if word != "--set"]
    (tmp_path / "file").write_bytes(b"of the reader")
    found = dict(map(parse_setting, settings))
    found = {key: there(value, tmp_path / "file") for key, value in found.items()}
    assert compose(preset, found)["preset"] == preset, page


def test_commands_are_found():
    assert len({page for page, _ in commands()}) > 5
