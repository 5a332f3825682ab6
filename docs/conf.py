"""Sphinx configuration; the pages of the API reference and the changelog are written here."""

from __future__ import annotations

import inspect
import os
import re
from importlib import import_module
from importlib.metadata import version as installed_version
from pathlib import Path
from typing import Any

os.environ.setdefault("MPLBACKEND", "Agg")

DOCS = Path(__file__).resolve().parent
PAGES_ONLY = tags.has("pages_only")  # type: ignore[name-defined]  # noqa: F821  # Sphinx gives `tags`

# --- project -------------------------------------------------------------------------------

project = "userportrait"
author = "The userportrait developers"
project_copyright = author
release = installed_version("userportrait")
version = release

# --- what is built ---------------------------------------------------------------------------

extensions = [
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.doctest",
    "sphinx.ext.intersphinx",
    "sphinx.ext.mathjax",
    "numpydoc",
    "sphinx_copybutton",
    "sphinx_design",
]
templates_path = ["_templates"]
exclude_patterns = ["_build"]
default_role = "py:obj"  # names in docstrings; no warning where there is no such object
suppress_warnings = ["config.cache"]  # the gallery's settings hold functions

if PAGES_ONLY:
    # The examples of docstrings run with the tests, those of the gallery with the HTML pages.
    exclude_patterns += ["api", "gallery"]
    suppress_warnings += ["toc.excluded", "toc.not_readable"]
else:
    extensions.append("sphinx_gallery.gen_gallery")

# --- look --------------------------------------------------------------------------------------

html_theme = "pydata_sphinx_theme"
html_title = f"userportrait {release}"
html_static_path = ["_static"]
html_css_files = ["custom.css"]
html_show_sourcelink = False
html_sidebars = {page: [] for page in ("quickstart", "design", "changelog", "benchmarks/index")}
html_theme_options = {
    "navbar_align": "left",
    "navigation_with_keys": False,
    "navigation_depth": 3,
    "show_toc_level": 2,
    "secondary_sidebar_items": ["page-toc"],
    "footer_start": ["copyright"],
    "footer_end": [],
}
copybutton_prompt_text = r">>> |\.\.\. |\$ "
copybutton_prompt_is_regexp = True

# --- reference -----------------------------------------------------------------------------------

autosummary_generate = True
autosummary_imported_members = True
autodoc_typehints = "none"
autodoc_member_order = "bysource"
numpydoc_show_class_members = False
numpydoc_class_members_toctree = False
numpydoc_xref_param_type = False
numpydoc_validation_checks: set[str] = set()

# Links to other projects need the network; set USERPORTRAIT_INTERSPHINX=1 to have them.
intersphinx_mapping = {}
if os.environ.get("USERPORTRAIT_INTERSPHINX"):
    intersphinx_mapping = {
        "python": ("https://docs.python.org/3", None),
        "numpy": ("https://numpy.org/doc/stable", None),
        "pandas": ("https://pandas.pydata.org/docs", None),
        "sklearn": ("https://scikit-learn.org/stable", None),
    }

# --- examples ------------------------------------------------------------------------------------

# Each page runs in an empty folder of its own.
doctest_global_setup = """
import contextlib as _contextlib, tempfile as _tempfile
_folder = _contextlib.ExitStack()
_folder.enter_context(
    _contextlib.chdir(_folder.enter_context(_tempfile.TemporaryDirectory()))
)
import userportrait as up
"""
doctest_global_cleanup = "_folder.close()"

sphinx_gallery_conf = {
    "examples_dirs": ["../examples"],
    "gallery_dirs": ["gallery"],
    "filename_pattern": r"\.py$",
    "within_subsection_order": "FileNameSortKey",
    "abort_on_example_error": False,
    "capture_repr": ("_repr_html_", "__repr__"),
    "download_all_examples": False,
    "remove_config_comments": True,
    "show_memory": False,
    "show_signature": False,
    "write_computation_times": False,
    "min_reported_time": 10_000,
}

# --- pages written from the code -----------------------------------------------------------------

ROOMS = {
    "data": "Tables, readers, cleaning, sample shop",
    "features": "Customer summaries",
    "tags": "Tags and their catalogue",
    "value": "RFM",
    "patterns": "What sells together",
    "recommend": "Recommendation",
    "segment": "Segments",
    "predict": "Predictions",
    "experiment": "Experiments and uplift",
    "audience": "Audiences",
    "portraits": "Portraits",
    "report": "Report and plots",
    "stores": "Stores",
    "testing": "Checks for plugged-in classes",
    "typing": "Types and Protocols",
    "errors": "Errors and warnings",
}


def write_reference(folder: Path) -> None:
    """Write one page for each room that exists, and the table of everyday names."""
    import userportrait

    folder.mkdir(parents=True, exist_ok=True)
    homes: dict[str, str] = {}
    written: list[str] = []
    for room, title in ROOMS.items():
        if not room_exists(room):
            continue
        module = import_module(f"userportrait.{room}")
        names = sorted(module.__all__, key=str.casefold)
        homes |= dict.fromkeys(names, module.__name__)
        write(folder / f"{room}.rst", room_page(module, title, names))
        written.append(room)
    everyday = [name for name in getattr(userportrait, "__all__", []) if name in homes]
    write(folder / "rooms.inc", toctree(written))
    write(folder / "everyday.inc", everyday_table(everyday, homes))


def room_exists(room: str) -> bool:
    import userportrait

    folder = Path(userportrait.__file__).parent / room
    return (folder / "__init__.py").exists() or folder.with_suffix(".py").exists()


def room_page(module: Any, title: str, names: list[str]) -> str:
    lines = [
        f"{title}",
        "=" * len(title),
        "",
        f".. module:: {module.__name__}",
        "",
        (inspect.getdoc(module) or "").strip(),
        "",
        f".. currentmodule:: {module.__name__}",
        "",
        ".. autosummary::",
        "   :toctree: objects",
        "   :nosignatures:",
        "",
        *(f"   {name}" for name in names),
    ]
    return "\n".join(lines)


def toctree(rooms: list[str]) -> str:
    entries = "\n".join(f"   generated/{room}" for room in rooms)
    return f".. toctree::\n   :maxdepth: 1\n\n{entries}\n"


def everyday_table(names: list[str], homes: dict[str, str]) -> str:
    if not names:
        return ""
    rows = [f"   * - ``up.{name}``\n     - :py:obj:`{homes[name]}.{name}`" for name in names]
    head = (
        ".. list-table::\n   :widths: auto\n   :header-rows: 1\n\n   * - name\n     - defined in\n"
    )
    return head + "\n".join(rows) + "\n"


def write(path: Path, text: str) -> None:
    """Write only what has changed, so that Sphinx builds only what has changed."""
    if not path.exists() or path.read_text("utf-8") != text:
        path.write_text(text, "utf-8")


def changelog_as_rst(text: str) -> str:
    """Translate the Markdown that the changelog uses: headings, lists, links, code, stress."""
    text = re.sub(r"`([^`]+)`", r"``\1``", text)
    text = re.sub(r"\[([^\]]+)\]\(([^)]+)\)", r"`\1 <\2>`__", text)
    marks = {"# ": "=", "## ": "-", "### ": "~"}
    lines: list[str] = []
    for line in text.splitlines():
        mark = next((m for m in marks if line.startswith(m)), None)
        if mark is None:
            lines.append(line)
        else:
            heading = line.removeprefix(mark)
            lines += [heading, marks[mark] * len(heading)]
    return "\n".join(lines) + "\n"


if not PAGES_ONLY:
    write_reference(DOCS / "api" / "generated")
write(DOCS / "changelog.rst", changelog_as_rst((DOCS.parent / "CHANGELOG.md").read_text("utf-8")))


def skip_foreign(
    app: Any, what: str, name: str, found: object, skip: bool, options: Any
) -> bool | None:
    """Leave out what scikit-learn adds to every estimator, told in its own documentation."""
    is_foreign = re.fullmatch(r"get_metadata_routing|set_output|set_\w+_request", name)
    return True if is_foreign else None


def setup(app: Any) -> None:
    app.connect("autodoc-skip-member", skip_foreign)
