"""Clean order lines: a raw frame in, a table of orders and an account of every row out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from userportrait._core import frames
from userportrait._core.params import Between, InstanceOf, OneOf, Optional, Rule
from userportrait.data._clean_common import check_columns, chosen_roles, latest_moment
from userportrait.data._clean_lines import ReadOptions
from userportrait.data._clean_order_job import OrderJob
from userportrait.data._clean_parts import clean_frame
from userportrait.data._clean_times import TimeOptions, check_zone
from userportrait.data._clean_verdict import LineRules, Treatment
from userportrait.data._orders import Orders
from userportrait.errors import InvalidParameterError

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from os import PathLike

    from userportrait.data._clean_report import CleaningReport
    from userportrait.typing import IntoFrame

__all__ = ["clean_orders"]

_OWNER = "clean_orders"
_TREATMENT = OneOf(("remove", "flag", "keep"))


def clean_orders(
    frame: IntoFrame,
    *,
    customer_id: str,
    order_id: str | None,
    ordered_at: str,
    item_id: str | None = None,
    quantity: str | None = None,
    price: str | None = None,
    amount: str | None = None,
    channel: str | None = None,
    country: str | None = None,
    category: str | None = None,
    time_format: str | None = None,
    time_zone: str | None = None,
    day_first: bool | None = None,
    now: object = None,
    decimal: Literal[".", ","] = ".",
    currency: str | None = None,
    minor_digits: int = 2,
    duplicates: Treatment | None = None,
    non_products: Treatment = "remove",
    non_product_codes: Collection[str] = (),
    detect_non_products: bool = True,
    zero_price: Treatment = "remove",
    negative_price: Treatment = "remove",
    outliers: Treatment = "flag",
    outlier_limit: float = 8.0,
    unmatched_returns: Treatment = "remove",
    cancellation_prefix: str | None = "C",
    cancellations: Literal["signed", "unsigned"] = "signed",
    directory: str | PathLike[str] | None = None,
) -> tuple[Orders, CleaningReport]:
    """Clean order lines and account for every row.

    Parameters
    ----------
    frame : frame
        One row per order line: a pandas or polars frame (eager or lazy), a pyarrow table, a
        DuckDB relation, an ibis table on DuckDB or a Spark DataFrame. It is not changed.
    customer_id : str
        Column of the customers. Whole numbers become int64, also 17850.0; texts are trimmed
        and stay texts, unless all of them look like ``'17850.0'``. Blank texts and ``'nan'``,
        ``'NaN'``, ``'NULL'``, ``'null'``, ``'None'``, ``'<NA>'``, ``'NaT'`` are missing.
    order_id : str or None
        Column of the orders, read like `customer_id`. None makes one order per customer and
        calendar day (in `time_zone`).
    ordered_at : str
        Column of the times. Texts are read as ISO 8601, as year-last dates, or with an English
        month name; whole numbers such as 20260131 are dates.
    item_id : str, optional
        Column of the items, read like `customer_id`. A line without an item is kept and
        flagged.
    quantity, price, amount : str, optional
        Columns of the units, of the price of one unit and of the money of the line: `amount`,
        or both `quantity` and `price`. Numbers, decimals, or texts such as ``'€ 1,234.50'``.
        A negative quantity (without quantities, a negative amount) is a return. Where all
        three are given, `amount` counts.
    channel, country, category : str, optional
        Columns of labels; kept as they are.
    time_format : str, optional
        How texts are written, such as ``'%d.%m.%y %H:%M'``, or what numbers count:
        ``'unix_s'``, ``'unix_ms'``, ``'unix_us'``, ``'unix_ns'`` or ``'excel'``.
    time_zone : str, optional
        IANA name of the zone of times that have none, such as ``'Europe/Berlin'``; default
        UTC. Times with a zone are always converted to UTC.
    day_first : bool, optional
        Whether 03/04/2026 is in April. By default the column must tell; if it does not, that
        is an error.
    now : datetime or str, optional
        Later lines are removed as `future_time`. By default a day after the clock's time,
        because local times may be ahead of UTC; this is the only use of the clock.
    decimal : {'.', ','}, default='.'
        The decimal mark in texts; the other one groups thousands.
    currency : str, optional
        The currency's code, for display only.
    minor_digits : int, default=2
        Decimal digits of the currency, 0 to 4.
    duplicates : {'remove', 'flag', 'keep'}, optional
        What to do with a row that equals another one in every column, extra ones included,
        after cleaning; one of them always stays. Here and below, ``'flag'`` keeps rows and
        counts them, ``'keep'`` does not look. The default is ``'remove'``; without `order_id`
        it is ``'flag'``, as equal rows may then be two purchases.
    non_products : {'remove', 'flag', 'keep'}, default='remove'
        What to do with postage, fees, vouchers and corrections among the items.
    non_product_codes : collection of str, default=()
        Item codes that are none, compared exactly.
    detect_non_products : bool, default=True
        Whether to find others by their code; see Notes.
    zero_price : {'remove', 'flag', 'keep'}, default='remove'
        What to do with a price of 0; without `price`, with an amount of 0.
    negative_price : {'remove', 'flag', 'keep'}, default='remove'
        What to do with a price below 0.
    outliers : {'flag', 'remove', 'keep'}, default='flag'
        What to do with extreme quantities and amounts; see Notes.
    outlier_limit : float, default=8.0
        How many scales from the median an outlier is; at least 3.
    unmatched_returns : {'remove', 'flag', 'keep'}, default='remove'
        What to do with returns that no earlier purchase covers. When they are removed, a
        partly covered return is cut to what is covered; otherwise it stays whole.
    cancellation_prefix : str or None, default='C'
        A text order ID that is this prefix and then a digit is a credit note, unless half of
        all orders are. None for no credit notes.
    cancellations : {'signed', 'unsigned'}, default='signed'
        Whether credit notes already have negative quantities; if ``'unsigned'``, they are
        negated. With ``'signed'``, positive lines of credit notes are flagged.
    directory : path, optional
        Where the temporary files of a cleaning in parts go on DuckDB; see Notes. By default
        where the system has such files.

    Returns
    -------
    orders : Orders
        In the library of the input; DuckDB relations on DuckDB's default connection, or on
        their own if they were cleaned in parts. Canonical columns first: quantity is int64 if
        whole, else float64; amount is rounded to the currency's digits; times are naive UTC in
        microseconds. Further columns are kept; one whose name is needed becomes
        ``<name>_original``. If any return was matched, `returned_order_id` names the newest
        order that it takes units from.
    report : CleaningReport
        Rows in, rows out, and every reason with its count.

    Raises
    ------
    InvalidParameterError
        If an option has no such value, or one column plays two roles.
    MissingColumnError
        If a column is not there; the message names the nearest one.
    ColumnTypeError
        If a column cannot play its role, such as true and false for quantities.
    InvalidDataError
        If there are no rows, none is left, or times can be read in two ways.

    Notes
    -----
    Each removed row is counted once, for the first reason that applies, in the order of the
    report. Decisions depend on the rows' values, never on their order or the library.

    *Returns* are matched within customer and item: first with purchases at the same unit
    price, then with any; the newest units first, and only purchases at or before the time of
    the return. Without quantities, amounts are matched: an equal amount first, then money.
    Matched returns stay as negative lines, so that spending nets out; cancelled purchases
    stay, too.

    *Non-products* are looked for if at least half of the item codes hold a digit: a short list
    of known codes (POST, DOT, BANK CHARGES, M, ...) and numbered vouchers. If at least 10 of the
    other codes, and nine in ten, hold a digit, codes without one are found as well, unless they
    begin like a code with digits, or make up more than a tenth of the lines.

    *Outliers*: with m the median of ln(size) over purchases and s = 1.4826 × the median
    absolute deviation from it, at least ln 2, a line is an outlier if its quantity or amount
    lies outside exp(m ± `outlier_limit` × s) [1]_. Fewer than 50 purchases have none. Where
    outliers are removed, returns of them are unmatched.

    Time is O(n log n) in rows. All columns are collected once, except in parts.

    *In parts* are cleaned Spark DataFrames, and DuckDB relations of more than 3 million rows:
    cut by customer, about 2 million rows at a time, with the result that the same rows have in
    memory. Spark's workers do it, and the clean rows are persisted (in memory and on disk), as
    the report counts them. On DuckDB one part after the other is in memory, beside what DuckDB
    itself may use (``SET memory_limit``); raw and clean rows are in temporary Parquet files, the
    clean ones until the interpreter exits. `CleaningReport.close` frees the rest. The frame is
    read several times, so it should be a table or a file rather than a costly query. Errors
    name no rows, and ``removed_rows`` has no `row`. On Spark, TIMESTAMP columns are instants, so
    they know their zone, and TIMESTAMP_NTZ columns do not; both come out as TIMESTAMP_NTZ, UTC.

    References
    ----------
    .. [1] Hampel (1974), "The influence curve and its role in robust estimation", Journal of
       the American Statistical Association 69(346).

    Examples
    --------
    >>> import pandas as pd
    >>> raw = pd.DataFrame(
    ...     {
    ...         "InvoiceNo": ["536365", "536366", "C536379", "536380"],
    ...         "StockCode": ["85123A", "POST", "85123A", "22423"],
    ...         "Quantity": [6, 1, -2, 3],
    ...         "InvoiceDate": ["2010-12-01 08:26", "2010-12-01 08:28"] * 2,
    ...         "UnitPrice": [2.55, 18.0, 2.55, 12.75],
    ...         "CustomerID": [17850.0, 17850.0, 17850.0, None],
    ...     }
    ... )
    >>> orders, report = clean_orders(
    ...     raw,
    ...     customer_id="CustomerID",
    ...     order_id="InvoiceNo",
    ...     ordered_at="InvoiceDate",
    ...     item_id="StockCode",
    ...     quantity="Quantity",
    ...     price="UnitPrice",
    ... )
    >>> orders.frame[["customer_id", "order_id", "quantity", "amount", "returned_order_id"]]
       customer_id order_id  quantity  amount returned_order_id
    0        17850   536365         6    15.3               NaN
    1        17850  C536379        -2    -5.1            536365
    >>> report.removed
    {'missing_customer_id': 1, 'non_product': 1}
    """
    roles = chosen_roles(
        customer_id=customer_id, order_id=order_id, ordered_at=ordered_at, item_id=item_id,
        quantity=quantity, price=price, amount=amount, channel=channel, country=country,
        category=category,
    )  # fmt: skip
    if duplicates is None:
        duplicates = "flag" if order_id is None else "remove"
    options = {
        "time_format": time_format, "time_zone": time_zone, "day_first": day_first,
        "decimal": decimal, "currency": currency, "minor_digits": minor_digits,
        "duplicates": duplicates, "non_products": non_products,
        "non_product_codes": non_product_codes, "detect_non_products": detect_non_products,
        "zero_price": zero_price, "negative_price": negative_price, "outliers": outliers,
        "outlier_limit": outlier_limit, "unmatched_returns": unmatched_returns,
        "cancellation_prefix": cancellation_prefix, "cancellations": cancellations,
    }  # fmt: skip
    _check_options(roles, options)
    entered = frames.enter(frame, argument="frame")
    check_columns(roles, frames.column_names(entered), owner=_OWNER)
    rules = LineRules(
        now=latest_moment(now, owner=_OWNER),
        duplicates=duplicates,
        non_products=non_products,
        non_product_codes=frozenset(non_product_codes),
        detect_non_products=detect_non_products,
        zero_price=zero_price,
        negative_price=negative_price,
        outliers=outliers,
        outlier_limit=outlier_limit,
        unmatched_returns=unmatched_returns,
        cancellation_prefix=cancellation_prefix,
        cancellations=cancellations,
        minor_digits=minor_digits,
    )
    times = TimeOptions(time_format, time_zone, day_first)
    job = OrderJob(roles, ReadOptions(times, decimal, minor_digits), rules)
    native, report = clean_frame(entered, job, directory=directory)
    return Orders(native, currency=currency, minor_digits=minor_digits), report


def _check_options(roles: Mapping[str, str], options: Mapping[str, Any]) -> None:
    text = Optional(InstanceOf((str,), "a text"))
    truth = InstanceOf((bool,), "True or False")
    rules: dict[str, Rule] = {
        "time_format": text,
        "time_zone": text,
        "day_first": Optional(truth),
        "decimal": OneOf((".", ",")),
        "currency": text,
        "minor_digits": Between(0, 4, integer=True),
        "duplicates": _TREATMENT,
        "non_products": _TREATMENT,
        "non_product_codes": InstanceOf((list, tuple, set, frozenset), "a collection of texts"),
        "detect_non_products": truth,
        "zero_price": _TREATMENT,
        "negative_price": _TREATMENT,
        "outliers": _TREATMENT,
        "outlier_limit": Between(3, 1000),
        "unmatched_returns": _TREATMENT,
        "cancellation_prefix": text,
        "cancellations": OneOf(("signed", "unsigned")),
    }
    found = [rule.problem(name, options[name]) for name, rule in rules.items()]
    found.append(check_zone(options["time_zone"]))
    if "amount" not in roles and not {"quantity", "price"} <= set(roles):
        found.append("give amount=, or both quantity= and price=, the columns of the money.")
    problems = [problem for problem in found if problem is not None]
    if problems:
        raise InvalidParameterError(_OWNER, problems)
