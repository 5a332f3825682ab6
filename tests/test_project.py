"""The habits that hold for every file of the project."""

from __future__ import annotations

import ast
import inspect
import io
import json
import re
import subprocess
import sys
import tokenize
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parent.parent
SOURCE = ROOT / "src"
PACKAGE = SOURCE / "userportrait"
MODULES = sorted(PACKAGE.rglob("*.py"))

# Packages that must be imported inside the function that needs them.
LATE = {"duckdb", "matplotlib", "numba", "polars", "pyarrow", "rich", "sqlalchemy", "tqdm"}


def module_name(path: Path) -> str:
    parts = path.relative_to(SOURCE).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def relative(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def every_module(*, but: str = "") -> pytest.MarkDecorator:
    """Parametrise over the modules whose path in the package does not match `but`."""
    inside = [(path, path.relative_to(PACKAGE).as_posix()) for path in MODULES]
    paths = [path for path, name in inside if not (but and re.match(but, name))]
    return pytest.mark.parametrize("path", paths, ids=module_name)


# --- importing ---------------------------------------------------------------------------


def run_python(code: str) -> Any:
    found = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT
    )
    return json.loads(found.stdout)


def test_importing_the_package_loads_neither_numpy_nor_pandas_and_few_modules() -> None:
    loaded = run_python(
        "import json, sys; before = set(sys.modules); import userportrait;"
        "print(json.dumps(sorted(set(sys.modules) - before)))"
    )
    heavy = {"numpy", "pandas", "scipy", "sklearn", "mlxtend", "narwhals"} | LATE
    assert heavy.isdisjoint(name.partition(".")[0] for name in loaded)
    # 60 is the promise of the first issue.
    assert len(loaded) <= 60, loaded


def test_importing_every_room_loads_no_extra() -> None:
    loaded = run_python(
        # pandas and scikit-learn load some optional packages themselves, where installed.
        "import json, sys, pandas, sklearn; before = set(sys.modules);"
        f"[__import__(name) for name in {room_names()!r}];"
        "print(json.dumps(sorted(set(sys.modules) - before)))"
    )
    assert LATE.isdisjoint(name.partition(".")[0] for name in loaded)


def test_report_is_the_function_whoever_imports_the_room_first() -> None:
    # The room and its main function share a name; `up.report(portraits, path)` must always work.
    assert run_python(
        "import json; import userportrait.report; import userportrait as up;"
        "print(json.dumps(callable(up.report)))"
    )


def test_the_version_is_the_one_of_the_installed_package() -> None:
    import userportrait

    assert getattr(userportrait, "__version__", version("userportrait")) == version("userportrait")


# --- every module ------------------------------------------------------------------------


@every_module()
def test_a_module_says_what_it_is_and_what_is_public(path: Path) -> None:
    tree = ast.parse(path.read_text("utf-8"))
    assert ast.get_docstring(tree), f"{relative(path)} has no docstring"
    if len(tree.body) == 1:  # nothing but the docstring
        return
    names = {name.id for node in tree.body for name in assigned(node)}
    assert "__all__" in names, f"{relative(path)} has no __all__"


def assigned(node: ast.stmt) -> Iterator[ast.Name]:
    targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
    yield from (target for target in targets if isinstance(target, ast.Name))


@every_module()
def test_a_module_is_at_most_600_lines_long(path: Path) -> None:
    assert len(path.read_text("utf-8").splitlines()) <= 600


@every_module(but=r"__main__\.py")
def test_a_module_prints_nothing(path: Path) -> None:
    tree = ast.parse(path.read_text("utf-8"))
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
    found = [c.lineno for c in calls if isinstance(c.func, ast.Name) and c.func.id == "print"]
    assert not found, f"{relative(path)} prints in lines {found}"


@every_module()
def test_an_ignored_type_error_is_named(path: Path) -> None:
    bare = re.compile(r"#\s*(type|pyright):\s*ignore(?!\[)")
    tokens = tokenize.generate_tokens(io.StringIO(path.read_text("utf-8")).readline)
    comments = [token for token in tokens if token.type == tokenize.COMMENT]
    found = [token.start[0] for token in comments if bare.search(token.string)]
    assert not found, f"{relative(path)} ignores without a code in lines {found}"


class Import(NamedTuple):
    package: str
    line: int


def imports(nodes: list[ast.stmt]) -> Iterator[Import]:
    """Yield the absolute imports of these statements, at any depth."""
    for node in (found for top in nodes for found in ast.walk(top)):
        if isinstance(node, ast.Import):
            yield from (Import(name.name.partition(".")[0], node.lineno) for name in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield Import(node.module.partition(".")[0], node.lineno)


@every_module(but=r"_core/frames(/|\.py)")
def test_only_the_frames_vocabulary_touches_narwhals(path: Path) -> None:
    # Without narwhals at hand, no module can call its aggregates and windows, some of which
    # are silently wrong on some engines.
    tree = ast.parse(path.read_text("utf-8"))
    found = [line for package, line in imports(tree.body) if package == "narwhals"]
    assert not found, f"{relative(path)} imports narwhals in lines {found}"


@every_module()
def test_heavy_and_optional_packages_are_imported_late(path: Path) -> None:
    tree = ast.parse(path.read_text("utf-8"))
    found = [line for package, line in imports(at_import_time(tree.body)) if package in LATE]
    assert not found, f"{relative(path)} imports an optional package in lines {found}"


def at_import_time(nodes: list[ast.stmt]) -> list[ast.stmt]:
    """Return the import statements that run when the module is loaded."""
    found: list[ast.stmt] = []
    for node in nodes:
        if isinstance(node, ast.Import | ast.ImportFrom):
            found.append(node)
        elif isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            found += at_import_time(node.orelse)
        elif not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            inner = [part for part in ast.iter_child_nodes(node) if isinstance(part, ast.stmt)]
            found += at_import_time(inner)
    return found


# --- public names ------------------------------------------------------------------------


def room_names() -> list[str]:
    """Name the public packages and modules of the library."""
    folders = [path.parent for path in PACKAGE.glob("[!_]*/__init__.py")]
    files = list(PACKAGE.glob("[!_]*.py"))
    return sorted(module_name(path) for path in [*folders, *files])


class Public(NamedTuple):
    room: str
    name: str

    def load(self) -> Any:
        return getattr(import_module(self.room), self.name)


def public_names() -> list[Public]:
    return [Public(room, name) for room in room_names() for name in listed(room)]


def listed(room: str) -> list[str]:
    """Read `__all__` from the source, so that a broken room fails its own tests only."""
    folder = SOURCE.joinpath(*room.split("."))
    path = folder / "__init__.py" if folder.is_dir() else folder.with_suffix(".py")
    for node in ast.parse(path.read_text("utf-8")).body:
        if any(name.id == "__all__" for name in assigned(node)) and node.value is not None:
            return list(ast.literal_eval(node.value))
    return []


every_public_name = pytest.mark.parametrize(
    "public", public_names(), ids="{0.room}.{0.name}".format
)


@every_module()
def test_the_names_in_all_exist_and_come_once(path: Path) -> None:
    # That they are sorted is checked by the linter (RUF022).
    module = import_module(module_name(path))
    names = list(getattr(module, "__all__", ()))
    assert len(names) == len(set(names))
    missing = [name for name in names if not hasattr(module, name)]
    assert not missing


def test_the_package_exports_what_its_rooms_define() -> None:
    import userportrait

    exported = getattr(userportrait, "__all__", [])
    homes = {name: room for room, name in public_names()}
    rooms = {room.rpartition(".")[2] for room in room_names()}
    strangers = [n for n in exported if n not in homes and n not in rooms and n[0] != "_"]
    assert not strangers
    for name in (n for n in exported if n in homes and n not in rooms):
        assert getattr(userportrait, name) is Public(homes[name], name).load()


@every_public_name
def test_a_public_object_is_documented_with_an_example(public: Public) -> None:
    found = public.load()
    if not (inspect.isclass(found) or inspect.isfunction(found)) or found is Any:
        return  # a constant or an alias, documented by the text below it
    text = found.__doc__
    assert text, f"{public.name} has no docstring"
    if inspect.isclass(found) and issubclass(found, BaseException):
        return  # errors are shown where they are raised
    assert re.search(r"^ *Examples\n *-{8}$", text, re.MULTILINE), "there is no Examples section"
    assert ">>> " in text


# --- files of the project ----------------------------------------------------------------


def tracked_texts() -> Iterator[tuple[str, str]]:
    if not (ROOT / ".git").exists():
        pytest.skip("this is not a checkout")
    listing = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    for name in filter(None, listing.stdout.split("\0")):
        path = ROOT / name
        if path.is_file() and b"\0" not in (raw := path.read_bytes()):
            yield name, raw.decode("utf-8")


def test_no_file_names_a_place_of_one_machine() -> None:
    # Put together here, so that this file is no hit itself.
    folders = ["/" + name + "/" for name in ("work", "opt", "root", "home", "Users")]
    hosts = ["file:" + "///", "pythonhosted" + ".org", "pypi.org" + "/simple"]
    pattern = re.compile(
        "|".join([rf"(?<![\w.*-])(?:{'|'.join(folders)})", *map(re.escape, hosts)])
    )
    found = [
        f"{name}:{text.count(chr(10), 0, hit.start()) + 1}: {hit.group()}"
        for name, text in tracked_texts()
        for hit in pattern.finditer(text)
    ]
    assert not found


def shell_lines(text: str) -> list[str]:
    blocks = re.findall(r"^```(?:sh|bash|shell|console)\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    return [line.removeprefix("$ ").strip() for block in blocks for line in block.splitlines()]


def test_the_readme_sets_up_with_one_command_and_tests_with_another() -> None:
    lines = shell_lines((ROOT / "README.md").read_text("utf-8"))
    assert lines[0].startswith("pip install")
    assert lines[0].endswith("&& userportrait demo")
    assert "pip install nox && nox -s tests" in lines


def test_the_pipeline_runs_the_readmes_test_command() -> None:
    commands = [line.strip() for line in (ROOT / ".ci" / "run").read_text("utf-8").splitlines()]
    assert "pip install nox && nox -s tests" in commands


def test_the_readmes_python_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = (ROOT / "README.md").read_text("utf-8")
    blocks = list(re.finditer(r"^```python\n(.*?)^```", text, re.MULTILINE | re.DOTALL))
    assert blocks
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {"__name__": "readme"}
    for block in blocks:
        lines_above = "\n" * text.count("\n", 0, block.start(1))
        exec(compile(lines_above + block[1], ROOT / "README.md", "exec"), names)


def test_the_licence_is_the_whole_apache_licence() -> None:
    text = (ROOT / "LICENSE").read_text("utf-8")
    assert text.split()[:4] == ["Apache", "License", "Version", "2.0,"]
    # The published text has nine sections and an appendix.
    assert [f"   {n}. " in text for n in range(1, 10)] == [True] * 9
    assert "APPENDIX: How to apply the Apache License to your work." in text


def test_each_light_extra_is_part_of_all_and_each_is_used_by_the_code() -> None:
    import tomllib

    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    extras = dict(project["optional-dependencies"])
    (everything,) = extras.pop("all")
    light = [name for name in extras if name not in ("ibis", "spark")]
    assert everything == f"userportrait[{','.join(light)}]"
    code = "\n".join(path.read_text("utf-8") for path in MODULES)
    for needs in extras.values():
        for need in needs:
            package = re.split(r"[^\w-]", need)[0].lower()
            if package == "sqlglot":
                continue  # ibis uses it; the extra only says which versions work
            module = package.removesuffix("-framework").replace("-", "_")
            assert re.search(rf"\b{module}\b", code), f"nothing uses {need}"
