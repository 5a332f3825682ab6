"""The command line: `userportrait portrait FILE --report OUT.html` and `userportrait demo`."""

from __future__ import annotations

import argparse
import sys
import warnings
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from userportrait import __version__
from userportrait.errors import (
    InvalidParameterError,
    MissingColumnError,
    MissingExtraError,
    UserPortraitError,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from userportrait.typing import ProfileStore, Progress

__all__ = ["main"]

_ROLES = {
    "customer-id": "who bought",
    "order-id": "the order that a line belongs to",
    "ordered-at": "when the order was placed",
    "item-id": "what was bought",
    "quantity": "units; negative for a return",
    "price": "price of one unit",
    "amount": "money of the line",
    "channel": "where the order came from",
    "country": "where the customer is",
    "category": "the item's category",
}
LOCK_SECONDS = 30.0
"""How long a store that another writer holds is waited for."""

_DONE, _FAILED, _USAGE, _INTERRUPTED = 0, 1, 2, 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line.

    Parameters
    ----------
    arguments : sequence of str, optional
        By default those of the process.

    Returns
    -------
    int
        The exit code: 0 done, 1 the data or the machine would not have it, 2 wrong usage,
        130 interrupted.
    """
    parser = _parser()
    options = parser.parse_args(arguments)
    try:
        with warnings.catch_warnings():
            warnings.showwarning = _note
            run: Any = options.run
            return int(run(options))
    except (InvalidParameterError, MissingColumnError, MissingExtraError) as error:
        return _complain(error, _USAGE)
    except UserPortraitError as error:
        return _complain(error, _FAILED)
    except BrokenPipeError:
        sys.stderr.close()
        return _FAILED
    except OSError as error:
        return _complain(error, _FAILED)
    except KeyboardInterrupt:
        print("userportrait: interrupted; nothing was left half written.", file=sys.stderr)
        return _INTERRUPTED


def _note(message: Warning | str, *_: object, **__: object) -> None:
    print(f"userportrait: note: {message}", file=sys.stderr)


def _complain(error: BaseException, code: int) -> int:
    text = str(error).removeprefix("userportrait: ")
    print(f"userportrait: error: {text}", file=sys.stderr)
    return code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="userportrait",
        description="User portraits for e-commerce: from a file of orders to a page to read.",
    )
    parser.add_argument("--version", action="version", version=f"userportrait {__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    _add_portrait(commands)
    _add_demo(commands)
    return parser


def _add_portrait(commands: Any) -> None:
    portrait = commands.add_parser(
        "portrait",
        help="clean a file of orders, portray every customer, write the report",
        description="Clean a file of order lines, portray every customer and write one HTML page. "
        "Columns are recognised by their names; say which is which where that is not enough.",
    )
    portrait.set_defaults(run=_run_portrait)
    portrait.add_argument("file", metavar="FILE", help="a CSV or Parquet file of order lines")
    _add_outputs(portrait, report_required=True)
    roles = portrait.add_argument_group("columns", "names in FILE; guessed where not given")
    for role, meaning in _ROLES.items():
        roles.add_argument(f"--{role}", metavar="COLUMN", help=meaning)
    reading = portrait.add_argument_group("reading")
    reading.add_argument("--encoding", metavar="NAME", help="of a text file, such as gb18030")
    reading.add_argument("--decimal", choices=(".", ","), default=".",
                         help="the decimal sign in texts; default: .")  # fmt: skip
    reading.add_argument("--time-format", metavar="FORMAT", help="such as %%d/%%m/%%Y %%H:%%M")
    reading.add_argument("--time-zone", metavar="ZONE", help="IANA name of the times' zone")
    order = reading.add_mutually_exclusive_group()
    order.add_argument("--day-first", action="store_const", const=True, dest="day_first",
                       help="01/02/2026 is the first of February")  # fmt: skip
    order.add_argument("--month-first", action="store_const", const=False, dest="day_first",
                       help="01/02/2026 is the second of January")  # fmt: skip
    reading.add_argument("--currency", metavar="CODE", help="such as EUR; for display")
    reading.add_argument(
        "--as-of",
        metavar="DATE",
        help="use nothing after it; a date is midnight at its start; default: newest",
    )
    reading.add_argument("--outliers", choices=("flag", "remove", "keep"), default="flag",
                         help="extreme quantities and amounts; default: flag")  # fmt: skip
    reading.add_argument("--removed", metavar="CSV", help="write the removed rows to this file")


def _add_demo(commands: Any) -> None:
    demo = commands.add_parser(
        "demo",
        help="run the main job on a made-up shop",
        description="Make a sample shop, clean its orders, portray its customers, write the page.",
    )
    demo.set_defaults(run=_run_demo)
    _add_outputs(demo, report_required=False)
    demo.add_argument("--customers", type=int, default=2000, metavar="N", help="default: 2000")
    demo.add_argument("--random-state", type=int, default=0, metavar="SEED", help="default: 0")


def _add_outputs(command: argparse.ArgumentParser, *, report_required: bool) -> None:
    command.add_argument("--report", metavar="HTML", required=report_required,
                         default=None if report_required else "report.html",
                         help="where the page goes"
                         + ("" if report_required else "; default: report.html"))  # fmt: skip
    command.add_argument("--store", metavar="DB", help="an SQLite file to keep the portraits in")
    command.add_argument("--title", help="the page's title")
    command.add_argument("--language", choices=("en", "zh"), default="en", help="default: en")
    command.add_argument("--quiet", action="store_true", help="print errors only")


def _run_portrait(options: argparse.Namespace) -> int:
    from userportrait.data import clean_orders, guess_roles, read_table

    say = _Voice(quiet=options.quiet)
    report = _checked_target(options.report)
    say.step(f"reading {options.file}")
    _check_distinct(options)
    raw = read_table(options.file, encoding=options.encoding)
    given = {
        name: value
        for role in _ROLES
        if (value := getattr(options, (name := role.replace("-", "_")))) is not None
    }
    roles = guess_roles(raw, given=given)
    if options.time_format and not str(options.file).endswith((".parquet", ".pq")):
        # Times that look like ISO 8601 are read already; the format asks for their texts.
        timed = str(roles.columns["ordered_at"])
        raw = read_table(options.file, encoding=options.encoding, text_columns=[timed])
    say.line(str(roles))
    say.step("cleaning")
    orders, cleaning = clean_orders(
        raw,
        **roles.columns,
        decimal=options.decimal,
        time_format=options.time_format,
        time_zone=options.time_zone,
        day_first=options.day_first,
        currency=options.currency,
        outliers=options.outliers,
    )
    say.line(str(cleaning))
    if options.removed:
        cleaning.removed_rows().to_csv(options.removed, index=False)
    title = options.title or Path(options.file).stem
    return _portray(orders, cleaning, options, report, title, say, as_of=options.as_of)


def _run_demo(options: argparse.Namespace) -> int:
    from userportrait.data import clean_orders, guess_roles, make_shop

    say = _Voice(quiet=options.quiet)
    report = _checked_target(options.report)
    _check_distinct(options)
    say.step(f"making a sample shop of {options.customers:,} customers")
    shop = make_shop(n_customers=options.customers, random_state=options.random_state)
    roles = guess_roles(shop.raw_orders)
    say.step("cleaning")
    orders, cleaning = clean_orders(
        shop.raw_orders,
        **roles.columns,
        currency=shop.currency,
        now=shop.end + timedelta(days=1),
        outliers="remove",
    )
    say.line(str(cleaning))
    title = options.title or "The sample shop"
    return _portray(orders, cleaning, options, report, title, say, customers=shop.customers,
                    items=shop.items, events=shop.events)  # fmt: skip


def _portray(
    orders: Any,
    cleaning: Any,
    options: argparse.Namespace,
    path: Path,
    title: str,
    say: _Voice,
    **tables: Any,
) -> int:
    from userportrait.portraits import build_portraits
    from userportrait.report import report

    store = _store(options.store)
    portraits = build_portraits(
        orders, store=store, cleaning=cleaning, progress=say.progress, **tables
    )
    say.step("writing the report")
    report(portraits, path, title=title, language=options.language)
    say.line(f"{len(portraits):,} portraits as of {portraits.as_of:%Y-%m-%d %H:%M} UTC")
    unused = len(orders) - int(portraits.facts["shop"]["n_lines"])
    if unused:
        say.line(f"{unused:,} order lines are later than that and were not used")
    if options.store:
        say.line(f"portraits: {options.store}")
    say.line(f"report:    {path}")
    return _DONE


def _checked_target(path: str) -> Path:
    """Refuse a report path that cannot be written before the work, not after it."""
    target = Path(path)
    if not target.parent.is_dir():
        problem = f"--report: there is no folder '{target.parent}'."
        raise InvalidParameterError("userportrait", [problem])
    if target.is_dir():
        raise InvalidParameterError("userportrait", [f"--report: '{target}' is a folder."])
    return target


def _check_distinct(options: argparse.Namespace) -> None:
    """Refuse outputs that would overwrite the input, or each other, before any work."""
    given = vars(options)
    names = {"FILE": given.get("file"), "--report": options.report, "--store": options.store,
             "--removed": given.get("removed")}  # fmt: skip
    seen: dict[Path, str] = {}
    problems: list[str] = []
    for option, name in names.items():
        if name is None:
            continue
        path = Path(name).resolve()
        if path in seen:
            problems.append(f"{option} and {seen[path]} are the same file.")
        seen[path] = option
        if option != "FILE" and not path.parent.is_dir():
            problems.append(f"{option}: there is no folder '{Path(name).parent}'.")
    if problems:
        raise InvalidParameterError("userportrait", problems)


def _store(path: str | None) -> ProfileStore | None:
    if path is None:
        return None
    from userportrait.stores import SQLiteStore

    return SQLiteStore(path, timeout=LOCK_SECONDS)


class _Voice:
    """What the command says: results on standard output, progress on standard error."""

    def __init__(self, *, quiet: bool) -> None:
        self._quiet = quiet
        self._last = ""

    def line(self, text: str) -> None:
        if not self._quiet:
            print(text)

    def step(self, text: str) -> None:
        if not self._quiet:
            print(f"{text} …", file=sys.stderr, flush=True)

    @property
    def progress(self) -> Progress:
        return self._tell

    def _tell(self, step: str, share: float) -> None:
        if self._quiet:
            return
        if sys.stderr.isatty():
            end = "\n" if share >= 1 else ""
            print(f"\r{step}: {share:4.0%}", end=end, file=sys.stderr, flush=True)
        elif step != self._last:
            print(f"{step} …", file=sys.stderr, flush=True)
        self._last = step


if __name__ == "__main__":
    sys.exit(main())
