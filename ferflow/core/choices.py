"""Registries: a folder of modules, whose names are what a parameter may name."""

import pkgutil
from types import ModuleType

from ferflow.core.params import nearest


def names_in(package: ModuleType) -> list[str]:
    """The names of the modules and packages in a package, sorted; none of them is imported."""
    return sorted(module.name for module in pkgutil.iter_modules(package.__path__))


def known(name: str, package: ModuleType) -> str:
    """The name itself; ValueError with the legal names if the package has no such module."""
    legal = names_in(package)
    if name not in legal:
        raise ValueError(f"must be one of {', '.join(legal)}; got {name!r}.{nearest(name, legal)}")
    return name
