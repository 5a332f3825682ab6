"""Progress goes to a callable, a bar, or nowhere; anything else is refused."""

from __future__ import annotations

import pytest

from userportrait._core.progress import teller
from userportrait.errors import InvalidParameterError


def test_a_callable_is_called_as_it_is() -> None:
    told: list[tuple[str, float]] = []
    teller(lambda step, share: told.append((step, share)), owner="x")("tags", 0.5)
    assert told == [("tags", 0.5)]


@pytest.mark.parametrize("nothing", [None, False])
def test_none_and_false_are_silent(
    nothing: bool | None, capsys: pytest.CaptureFixture[str]
) -> None:
    teller(nothing, owner="x")("tags", 1.0)
    assert capsys.readouterr() == ("", "")


def test_true_draws_a_bar_or_logs(
    capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level("INFO", logger="userportrait"):
        tell = teller(True, owner="x")
        for share in (0.0, 0.5, 1.0):
            tell("tags", share)
    assert "tags" in capsys.readouterr().err + caplog.text


@pytest.mark.parametrize("wrong", [5, "yes"])
def test_anything_else_is_refused(wrong: object) -> None:
    with pytest.raises(InvalidParameterError, match="progress must be a callable, True or None"):
        teller(wrong, owner="build_portraits")  # type: ignore[arg-type]
