"""Sphinx configuration: python -m sphinx -W --keep-going -b html docs docs/_build/html.

The build uses no network. It runs the examples, which takes a minute or two, and checks what they
print.
"""

import importlib.util
import os
import re
import sys
import warnings
from pathlib import Path

import sktl

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE / "_extensions"))
os.environ["SKTL_CACHE"] = str(HERE / "_build" / "cache")  # names given by examples end there

project = "sktl"
author = "The sktl authors"
project_copyright = f"2026, {author}"
version = release = sktl.__version__

extensions = [
    "myst_parser",
    "numpydoc",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.viewcode",
    "sphinx_copybutton",
    "sphinx_design",
    "sphinx_gallery.gen_gallery",
    "side_by_side",
    "example_output",
]
exclude_patterns = ["_build", "examples", "**/sg_execution_times.rst", "sg_execution_times.rst"]
templates_path = ["_templates"]
default_role = "py:obj"  # `name` in a docstring links to name where that is documented
smartquotes = False
toc_object_entries_show_parents = "hide"

myst_enable_extensions = ["colon_fence"]
myst_heading_anchors = 3  # links such as user_guide.md#crystals

autosummary_generate = True
autodoc_typehints = "none"
numpydoc_show_class_members = False  # the template of classes lists them
viewcode_line_numbers = True

# without the extra that an example needs it is shown, but does not run
needs = {"hpsklearn": "hyperopt_sklearn", "fastapi": "service"}
lacking = [name for module, name in needs.items() if not importlib.util.find_spec(module)]
runs = "".join(f"(?<!{name})" for name in lacking) + r"\.py$"
warnings.filterwarnings("ignore", message="pkg_resources is deprecated")  # hyperopt needs it

sphinx_gallery_conf = {
    "examples_dirs": ["examples"],
    "gallery_dirs": ["gallery"],
    "filename_pattern": runs,
    "abort_on_example_error": True,
    "download_all_examples": False,
    "show_memory": False,
    "show_signature": False,
    "image_srcset": ["2x"],
}

html_theme = "pydata_sphinx_theme"
html_title = f"sktl {release}"
html_static_path = ["_static"]
html_css_files = ["sktl.css"]
html_show_sourcelink = False
html_sidebars = {"*": [], "gallery/tutorial": []}  # pages with nothing below or beside them
html_theme_options = {
    "header_links_before_dropdown": 7,
    "logo": {"text": "sktl"},
    "navigation_with_keys": False,
    "show_nav_level": 2,
    "show_toc_level": 2,
    "secondary_sidebar_items": ["page-toc"],
    "footer_start": ["copyright"],
    "footer_end": [],
}


def link_examples_to_gallery(app, docname, source):
    """Lead links to an example's file, as a code host needs them, to its page in the gallery."""
    text = source[0].replace("](examples/GALLERY_HEADER.rst)", "](/gallery/index.rst)")
    source[0] = re.sub(r"\]\(examples/(\w+)\.py\)", r"](/gallery/\1.rst)", text)


def skip_metadata_routing(app, what, name, thing, skip, options):
    """Leave out set_fit_request and its kin, which scikit-learn adds to every estimator."""
    return True if re.fullmatch(r"[gs]et_\w*(request|routing)", name) else None


def setup(app):
    """Connect the two changes above."""
    app.connect("source-read", link_examples_to_gallery)
    app.connect("autodoc-skip-member", skip_metadata_routing)
