"""How Sphinx builds the site in docs/. `make docs` does it, strictly and without a network."""

import os
import sys
from importlib.metadata import version as installed
from pathlib import Path

from sphinx.application import Sphinx

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE.parent), str(HERE / "_ext")]
os.chdir(HERE.parent)  # as the commands do: presets/ and metrics/ are looked for here

project = "ferflow"
author = "the ferflow authors"
version = release = installed("ferflow")

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx_gallery.gen_gallery",
    "ferflow_reference",  # docs/_ext: the reference from the code
    "docstrings",  # docs/_ext: lists of parameters
    "native_math",  # docs/_ext: formulas without a script
]
exclude_patterns = [
    "_build",
    "_ext",
    "ant-colony",
    "gallery/*.ipynb",
    "gallery/*.py",
    "small-card.md",  # part of model-card.md
]
default_role = "code"  # single quotes of docstrings
nitpicky = True
# What other libraries call their types; without a network their indexes cannot be asked.
nitpick_ignore_regex = [("py:.*", r".*")]
suppress_warnings = ["config.cache"]
linkcheck_anchors = False

myst_enable_extensions = ["colon_fence", "deflist", "dollarmath"]
myst_heading_anchors = 4

autodoc_member_order = "bysource"
autodoc_typehints = "none"
napoleon_google_docstring = False

html_math_renderer = "mathml"
html_theme = "furo"
html_title = "ferflow"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_copy_source = False
html_show_sphinx = False
html_show_copyright = False

sphinx_gallery_conf = {
    "examples_dirs": "../examples",
    "gallery_dirs": "gallery",
    "filename_pattern": r"plot_",
    "within_subsection_order": "FileNameSortKey",
    "remove_config_comments": True,
    "show_memory": False,
    "show_signature": False,
    "min_reported_time": 3600,
    "write_computation_times": False,
    "abort_on_example_error": True,
    "download_all_examples": False,
    "show_api_usage": False,
}

# Pages outside docs/ that have a page here; on GitHub the links lead to the files themselves.
PAGES = {"../reports/papers.md": "report.md", "../ferflow/bundled/README.md": "model-card.md"}


def _link_to_pages(_app: object, _name: str, source: list[str]) -> None:
    for file, page in PAGES.items():
        source[0] = source[0].replace(f"]({file}", f"]({page}")


def setup(app: Sphinx) -> None:
    app.connect("source-read", _link_to_pages)
