"""How the site is built: ``make -C docs html``."""

import tempfile
import urllib.error
import urllib.request
from pathlib import Path

from sphinx.util import logging
from sphinx_gallery.sorting import ExplicitOrder

import nno_sklearn
from nno_sklearn import _documentation

project = "nno_sklearn"
author = "nno_sklearn's authors"
release = version = nno_sklearn.__version__

extensions = [
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.intersphinx",
    "myst_parser",
    "numpydoc",
    "sphinx_copybutton",
    "sphinx_design",
    "sphinx_gallery.gen_gallery",
]
exclude_patterns = ["_build", "_templates", "examples"]
templates_path = ["_templates"]

myst_enable_extensions = ["colon_fence"]
myst_heading_anchors = 3

# API pages: one for each name of api.rst.
autosummary_generate = True
autodoc_typehints = "none"  # numpydoc sections say it in words
autodoc_default_options = {"member-order": "bysource"}
numpydoc_show_class_members = False  # the templates list them
numpydoc_xref_param_type = False

# Links to other packages' pages. Without network, as in CI, they stay plain text.
INVENTORIES = {
    "python": "https://docs.python.org/3/",
    "numpy": "https://numpy.org/doc/stable/",
    "scipy": "https://docs.scipy.org/doc/scipy/",
    "sklearn": "https://scikit-learn.org/stable/",
    "joblib": "https://joblib.readthedocs.io/en/stable/",
}


def reachable(inventories, seconds=5):
    """``intersphinx_mapping`` of the inventories that answer; a note names the others."""
    folder, mapping = Path(tempfile.mkdtemp(prefix="inventories")), {}
    for name, address in inventories.items():
        try:
            with urllib.request.urlopen(f"{address}objects.inv", timeout=seconds) as answer:
                (folder / name).write_bytes(answer.read())
        except (urllib.error.URLError, TimeoutError) as error:
            logging.getLogger(__name__).info("no links to %s: %s", address, error)
        else:
            mapping[name] = (address, str(folder / name))
    return mapping


intersphinx_mapping = reachable(INVENTORIES)

# In the gallery, the HTML representation of an estimator links to the API page of this build.
_documentation.site = lambda: "../.."

sphinx_gallery_conf = {
    "examples_dirs": "examples",
    "gallery_dirs": "auto_examples",
    "filename_pattern": r"\.py$",  # all of them run
    "subsection_order": ExplicitOrder(
        [
            "examples/first_steps",
            "examples/neighbors",
            "examples/text",
            "examples/language_models",
            "examples/translation",
            "examples/recommendation",
            "examples/images",
            "examples/targets",
            "examples/penalties",
            "examples/scores",
            "examples/streams",
            "examples/limited_resources",
            "examples/scale",
            "examples/extending",
        ]
    ),
    "within_subsection_order": "FileNameSortKey",
    "abort_on_example_error": True,
    "capture_repr": ("_repr_html_",),  # not what the last call of a plot returns
    "doc_module": ("nno_sklearn",),
    "reference_url": {"nno_sklearn": None},
    "backreferences_dir": "api/examples",
    "download_all_examples": False,
    "show_signature": False,
    "min_reported_time": 0,
}

html_theme = "pydata_sphinx_theme"
html_title = f"nno_sklearn {release}"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_show_sourcelink = False
html_theme_options = {
    "logo": {"text": "nno_sklearn"},
    "navigation_with_keys": False,
    "show_prev_next": False,
    "header_links_before_dropdown": 6,
    "footer_start": ["copyright"],
    "footer_end": ["theme-version"],
}
copyright = "nno_sklearn's authors, BSD-3-Clause"
html_sidebars = {"index": [], "start": [], "cli": [], "changelog": []}


def skip_inherited_from_scikit_learn(app, kind, name, member, skip, options):
    """Methods that estimators inherit unchanged: their docstrings refer to scikit-learn's pages."""
    home = getattr(getattr(member, "fget", member), "__module__", None) or ""
    return True if home.startswith("sklearn.") else None


def setup(app):
    app.connect("autodoc-skip-member", skip_inherited_from_scikit_learn)
