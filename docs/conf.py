"""Sphinx settings: the pages of this folder and the reference made from docstrings; ``make docs`` builds them."""

from pygments.lexers import TextLexer
from sphinx.highlighting import lexers

import stolcke

project = "stolcke"
author = "The stolcke developers"
release = stolcke.__version__
extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
lexers["lark"] = TextLexer()  # which Pygments does not know
html_theme = "furo"
exclude_patterns = ["_build"]
myst_heading_anchors = 4
autodoc_member_order = "bysource"
autodoc_typehints = "none"  # the docstrings say it, with shapes and units
napoleon_google_docstring = False
napoleon_use_rtype = False
napoleon_use_ivar = True
napoleon_preprocess_types = False
# Links from pages to files of the repository, which are no pages.
suppress_warnings = ["myst.xref_missing"]
