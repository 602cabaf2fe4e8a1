"""What pyproject.toml cannot say: a wheel holds files that lie beside the package here."""

from pathlib import Path
from shutil import copyfile, copytree, ignore_patterns

from setuptools import setup
from setuptools.command.build_py import build_py

_BESIDE = ("dvc.yaml", ".dvcignore", ".gitignore", ".dvc/config", ".dvc/.gitignore")
_FOLDERS = ("presets", "stages", ".dvc/plots")


class BuildWithRepository(build_py):
    """Builds the package with a folder `repository` in it; an editable one reads the clone's."""

    def run(self) -> None:
        super().run()
        if self.editable_mode:
            return
        inside = Path(self.build_lib, "ferflow", "repository")
        for name in _FOLDERS:
            unwanted = ignore_patterns("__pycache__")
            copytree(name, inside / name, dirs_exist_ok=True, ignore=unwanted)
        for name in _BESIDE:
            copyfile(name, inside / name)


setup(cmdclass={"build_py": BuildWithRepository})
