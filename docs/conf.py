"""Settings of the documentation: ``make docs``."""

project = "snarc"
copyright = "the snarc authors"
extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
html_theme = "pydata_sphinx_theme"
html_title = "snarc"
exclude_patterns = ["_build", "pictures"]
autodoc_typehints = "none"
napoleon_numpy_docstring = True
