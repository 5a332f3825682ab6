"""What all tests share: data, engines, hypothesis profiles, a backend that draws nothing."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, settings

from helpers.engines import ENGINES, require_engine
from helpers.spark import spark_session

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

os.environ["MPLBACKEND"] = "Agg"  # also for the commands that tests start

settings.register_profile(
    "ci",
    deadline=None,
    derandomize=True,
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.register_profile("explore", parent=settings.get_profile("ci"), derandomize=False)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci"))

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def repository() -> Path:
    """The folder of the checkout."""
    return ROOT


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of public data sets, beside the checkout or where USERPORTRAIT_DATA says."""
    folder = Path(os.environ.get("USERPORTRAIT_DATA", ROOT.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip("public data sets are not here; set USERPORTRAIT_DATA to their folder")
    return folder


@pytest.fixture(params=ENGINES)
def engine(request: pytest.FixtureRequest) -> str:
    """Each dataframe engine by name; skipped where it is not installed."""
    return require_engine(request.param)


@pytest.fixture(scope="session")
def spark(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A local Spark session; for tests marked with `pytest.mark.spark`."""
    yield from spark_session(tmp_path_factory.mktemp("spark"))


@pytest.fixture(autouse=True)
def close_figures() -> Iterator[None]:
    """Close what a test has drawn."""
    yield
    if "matplotlib.pyplot" in sys.modules:
        sys.modules["matplotlib.pyplot"].close("all")
