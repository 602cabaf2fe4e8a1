"""What pyproject.toml cannot say: a wheel holds presets/, which lies beside the package here."""

from pathlib import Path
from shutil import copytree

from setuptools import setup
from setuptools.command.build_py import build_py


class BuildWithPresets(build_py):
    """Builds the package with a folder `presets` in it; an editable one reads the clone's."""

    def run(self) -> None:
        super().run()
        if not self.editable_mode:
            copytree("presets", Path(self.build_lib, "ferflow", "presets"), dirs_exist_ok=True)


setup(cmdclass={"build_py": BuildWithPresets})
