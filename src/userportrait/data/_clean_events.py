"""Clean events: names in one spelling, repeats and robots found, every row accounted for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from userportrait._core import frames
from userportrait._core.params import Between, InstanceOf, OneOf, Optional, Rule
from userportrait.data._clean_common import check_columns, chosen_roles, latest_moment
from userportrait.data._clean_event_job import LEAST_BOT_EVENTS, EventJob, EventRules
from userportrait.data._clean_parts import clean_frame
from userportrait.data._clean_times import TimeOptions, check_zone
from userportrait.data._tables import Events
from userportrait.errors import InvalidParameterError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from os import PathLike

    from userportrait.data._clean_report import CleaningReport
    from userportrait.data._clean_verdict import Treatment
    from userportrait.typing import IntoFrame

__all__ = ["clean_events"]

_OWNER = "clean_events"


def clean_events(
    frame: IntoFrame,
    *,
    customer_id: str,
    event: str,
    occurred_at: str,
    item_id: str | None = None,
    session_id: str | None = None,
    channel: str | None = None,
    device: str | None = None,
    query: str | None = None,
    event_names: Mapping[str, str] | None = None,
    time_format: str | None = None,
    time_zone: str | None = None,
    day_first: bool | None = None,
    now: object = None,
    duplicates: Treatment = "remove",
    repeat_seconds: float = 0.0,
    bots: Treatment = "flag",
    bot_daily_events: int = 1000,
    directory: str | PathLike[str] | None = None,
) -> tuple[Events, CleaningReport]:
    """Clean events and account for every row.

    Parameters
    ----------
    frame : frame
        One row per event: a pandas or polars frame (eager or lazy), a pyarrow table, a DuckDB
        relation, an ibis table on DuckDB or a Spark DataFrame. It is not changed.
    customer_id, event, occurred_at : str
        Columns of who, what and when; IDs and times are read as `clean_orders` reads them.
        Events are texts or whole numbers; they are trimmed, put in lower case, and blanks and
        hyphens become ``_``: ``'Add to Cart'`` is ``'add_to_cart'``.
    item_id, session_id : str, optional
        Columns of the items and visits, read like `customer_id`; may be missing.
    channel, device, query : str, optional
        Columns of labels; kept as they are.
    event_names : mapping of str to str, optional
        Your name of an event to the name to use, such as ``{"pv": "view"}``; the keys are
        spelt in the common way first. Events that it does not name are kept and flagged.
    time_format, time_zone, day_first, now
        As for `clean_orders`.
    duplicates : {'remove', 'flag', 'keep'}, default='remove'
        What to do with a row that equals another one in every column; one of them stays.
        ``'flag'`` keeps rows and counts them, ``'keep'`` does not look.
    repeat_seconds : float, default=0.0
        The same event of the same customer with the same item is removed if it comes at most
        so many seconds after the one before it, so that a burst counts once. 0 removes none.
    bots : {'flag', 'remove', 'keep'}, default='flag'
        What to do with the events of customers who act like programs; see Notes.
    bot_daily_events : int, default=1000
        More events than this on one day are a program's; at least 100.
    directory : path, optional
        Where the temporary files of a cleaning in parts go on DuckDB, as for `clean_orders`.

    Returns
    -------
    events : Events
        In the library of the input; canonical columns first, further columns are kept.
    report : CleaningReport

    Raises
    ------
    InvalidParameterError
        If an option has no such value, or one column plays two roles.
    MissingColumnError
        If a column is not there; the message names the nearest one.
    ColumnTypeError
        If a column cannot play its role.
    InvalidDataError
        If there are no rows, none is left, or times can be read in two ways.

    Notes
    -----
    Each removed row is counted once, for the first reason that applies: missing customer,
    event or time, unparsable or future time, duplicate, bot, repeat.

    A customer acts like a program if, on any one day (UTC), there are more than
    `bot_daily_events` events, or at least 100 events that fall into at least 22 of the 24
    hours. The rule is ours: people sleep.

    Spark DataFrames, and DuckDB relations of more than 3 million rows, are cleaned in parts, as
    `clean_orders` says.

    Examples
    --------
    >>> import pandas as pd
    >>> raw = pd.DataFrame(
    ...     {
    ...         "visitor": [7, 7, 8],
    ...         "what": ["View", "Add to Cart", "pv"],
    ...         "ts": [1_767_225_600, 1_767_225_660, 1_767_229_200],
    ...     }
    ... )
    >>> events, report = clean_events(
    ...     raw,
    ...     customer_id="visitor",
    ...     event="what",
    ...     occurred_at="ts",
    ...     time_format="unix_s",
    ...     event_names={"view": "view", "pv": "view", "add to cart": "cart"},
    ... )
    >>> events.frame
       customer_id event         occurred_at
    0            7  view 2026-01-01 00:00:00
    1            7  cart 2026-01-01 00:01:00
    2            8  view 2026-01-01 01:00:00
    """
    roles = chosen_roles(
        customer_id=customer_id, event=event, occurred_at=occurred_at, item_id=item_id,
        session_id=session_id, channel=channel, device=device, query=query,
    )  # fmt: skip
    options = {
        "time_format": time_format, "time_zone": time_zone, "day_first": day_first,
        "duplicates": duplicates, "repeat_seconds": repeat_seconds, "bots": bots,
        "bot_daily_events": bot_daily_events,
    }  # fmt: skip
    _check_options(options, event_names)
    entered = frames.enter(frame, argument="frame")
    check_columns(roles, frames.column_names(entered), owner=_OWNER)
    job = EventJob(
        roles,
        TimeOptions(time_format, time_zone, day_first),
        EventRules(
            now=latest_moment(now, owner=_OWNER),
            names=None if event_names is None else dict(event_names),
            duplicates=duplicates,
            repeat_micros=int(repeat_seconds * 1_000_000),
            bots=bots,
            bot_daily_events=bot_daily_events,
        ),
    )
    native, report = clean_frame(entered, job, directory=directory)
    return Events(native), report


def _check_options(options: Mapping[str, Any], event_names: object) -> None:
    text = Optional(InstanceOf((str,), "a text"))
    treatment = OneOf(("remove", "flag", "keep"))
    rules: dict[str, Rule] = {
        "time_format": text,
        "time_zone": text,
        "day_first": Optional(InstanceOf((bool,), "True or False")),
        "duplicates": treatment,
        "repeat_seconds": Between(0, 86_400),
        "bots": treatment,
        "bot_daily_events": Between(LEAST_BOT_EVENTS, 1e9, integer=True),
    }
    found = [rule.problem(name, options[name]) for name, rule in rules.items()]
    found.append(check_zone(options["time_zone"]))
    if event_names is not None and not hasattr(event_names, "items"):
        found.append("event_names must be a mapping of names to names.")
    problems = [problem for problem in found if problem is not None]
    if problems:
        raise InvalidParameterError(_OWNER, problems)
