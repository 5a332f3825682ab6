"""Runs the checks of a Protocol and names every promise that is broken."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

__all__ = ["check_promises", "expect", "missing_methods", "promise_into"]

_Check = TypeVar("_Check")


def promise_into(promises: dict[str, _Check]) -> Callable[[str], Callable[[_Check], _Check]]:
    """Return a decorator that puts a check under the promise that it can break."""

    def promise(text: str) -> Callable[[_Check], _Check]:
        def register(check: _Check) -> _Check:
            promises[text] = check
            return check

        return register

    return promise


def expect(kept: bool, seen: str) -> None:
    """Raise with what was seen instead, unless the promise is kept."""
    if not kept:
        raise AssertionError(seen)


def check_promises(
    fresh: Callable[[], Any], promises: Mapping[str, Callable[[Any], None]], kind: str = ""
) -> None:
    """Run each check on a fresh object; raise one `AssertionError` with all that break.

    If the object has a ``close`` method, it is called after its check. It is called by its
    class, if `kind` is not given.
    """
    broken: list[str] = []
    first: Exception | None = None
    named = kind
    for promise, check in promises.items():
        found = fresh()
        named = kind or type(found).__qualname__
        try:
            check(found)
        except Exception as error:  # any error at all breaks the promise
            broken.append(f"- {promise}: {_seen(error)}")
            first = first or error
        finally:
            close = getattr(found, "close", None)
            if callable(close):
                close()
    if broken:
        count = "one promise" if len(broken) == 1 else f"{len(broken)} promises"
        raise AssertionError(f"{named} breaks {count}.\n" + "\n".join(broken)) from first


def missing_methods(found: object, names: Sequence[str], what: str) -> None:
    """Raise `AssertionError` if an object lacks one of these methods."""
    missing = [name for name in names if not callable(getattr(found, name, None))]
    if missing:
        kind = type(found).__qualname__
        raise AssertionError(f"{kind} is not {what}: it lacks {', '.join(missing)}.")


def _seen(error: Exception) -> str:
    text = str(error) or "no message"
    return text if isinstance(error, AssertionError) else f"raised {type(error).__name__}: {text}"
