"""How the documentation is built: ``sphinx-build -W docs docs/_build``."""

from asyncflow import __version__

project = "asyncflow"
author = "The asyncflow authors"
release = __version__
extensions = ["myst_parser", "sphinx.ext.autodoc"]
html_theme = "furo"
exclude_patterns = ["_build"]
myst_heading_anchors = 3
myst_links_external_new_tab = False
autodoc_typehints = "description"
autodoc_member_order = "bysource"
suppress_warnings = ["ref.python"]
"""`asyncflow.sync` has classes of the same names: a type in a signature may mean either."""
