"""Decide over order lines: a pure function of arrays, the same for any order of the rows."""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from userportrait._core.display import format_count
from userportrait.data._clean_give_back import treat_returns
from userportrait.data._clean_known import (
    MOST_DOUBTFUL,
    Known,
    LineFacts,
    has_credit_notes,
    services_among,
)
from userportrait.data._clean_numbers import money_of_product
from userportrait.data._clean_rules import (
    Limits,
    bits_of,
    is_doubtful,
    outlier_limits,
    repeated_rows,
)
from userportrait.data._clean_verdict import LineRules, Mask, Verdict
from userportrait.data._order_arrays import LARGEST_QUANTITY

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from numpy.typing import NDArray

    from userportrait.data._clean_ids import IdForm
    from userportrait.data._clean_lines import Lines

__all__ = ["detects_in", "judge_lines", "learn_lines", "line_notes"]


def judge_lines(
    lines: Lines,
    rules: LineRules,
    *,
    other_columns: Callable[[], Iterable[NDArray[np.int64]]],
    other_ranks: Callable[[NDArray[np.int64]], NDArray[np.int64]],
    known: Known | None = None,
) -> Verdict:
    """Decide over each line.

    Parameters
    ----------
    lines : Lines
        All lines of their customers.
    rules : LineRules
    other_columns : callable
        Returns codes of the columns that are not in `lines`, to tell repeated rows; one after
        the other, as they are needed.
    other_ranks : callable
        Given rows, returns their ranks by those columns, to break ties.
    known : Known, optional
        What all lines say, where `lines` are only some of them; what needs all customers
        together, orders shared by several, is then left to the caller.
    """
    verdict = _begin(lines, rules, other_columns)
    credit = _credit_notes(verdict, lines, rules, known)
    _treat_non_products(verdict, lines, rules, known)
    _settle_signs(verdict, lines, rules, credit)
    _treat_prices(verdict, lines, rules)
    _treat_outliers(verdict, rules, known)
    treat_returns(verdict, lines, rules, other_ranks)
    _flag_oddities(verdict, lines, rules, alone=known is None)
    return verdict


def learn_lines(
    lines: Lines,
    rules: LineRules,
    *,
    other_columns: Callable[[], Iterable[NDArray[np.int64]]],
    services: frozenset[str] | None = None,
) -> LineFacts:
    """Return what these lines say about all.

    Parameters
    ----------
    lines : Lines
        All lines of their customers.
    rules : LineRules
    other_columns : callable
        As for `judge_lines`.
    services : frozenset of str, optional
        The codes that are not items, where facts of all lines have told them already.
    """
    verdict = _begin(lines, rules, other_columns)
    marked = _marked_orders(lines, rules)
    orders = _orders_of_kept(verdict, lines) if marked is not None else np.empty(0, dtype=np.int64)
    n_marked = 0 if marked is None else int(marked[orders].sum())
    labels, counts = np.empty(0, dtype=object), np.empty(0, dtype=np.int64)
    looking = lines.item is not None and lines.item.is_text and detects_in("text", rules)
    if looking:
        present, counts = _item_counts(verdict, lines)
        labels = lines.item.labels[present] if lines.item is not None else labels
    if not looking or services is not None:
        _treat_non_products(verdict, lines, rules, Known(services))
    unsigned = Known(credit_notes=rules.cancellations == "unsigned")
    _settle_signs(verdict, lines, rules, _credit_notes(verdict, lines, rules, unsigned))
    _treat_prices(verdict, lines, rules)
    sizes = _counted_sizes(verdict, lines, rules, apart=looking and services is None)
    return LineFacts(n_marked, len(orders), labels, counts, sizes)


def detects_in(form: IdForm | None, rules: LineRules) -> bool:
    """Return whether services are looked for among items that are read so; None for no items."""
    return form == "text" and rules.non_products != "keep" and rules.detect_non_products


def _begin(
    lines: Lines, rules: LineRules, other_columns: Callable[[], Iterable[NDArray[np.int64]]]
) -> Verdict:
    """Decide what each customer's lines decide by themselves."""
    verdict = Verdict(
        reason=np.zeros(len(lines), dtype=np.int64),
        quantity=None if lines.quantity is None else lines.quantity.values.copy(),
        amount=lines.amount.copy(),
        returned_order=np.full(len(lines), -1, dtype=np.int64),
    )
    _note_changes(verdict, lines)
    _remove_unusable(verdict, lines, rules)
    _treat_duplicates(verdict, lines, rules, other_columns)
    return verdict


def _note_changes(verdict: Verdict, lines: Lines) -> None:
    changed = verdict.changed
    ids = {"customer_id": lines.customer, "order_id": lines.order, "item_id": lines.item}
    for role, column in ids.items():
        if role == "order_id" and lines.order_made:
            changed["order_id_made"] = ~lines.order.missing
        elif column is not None:
            changed[f"{role}_trimmed"] = column.trimmed
            changed[f"{role}_to_integer"] = column.to_integer
    changed["time_parsed"] = lines.times.parsed
    changed["time_zone_converted"] = lines.times.converted
    numbers = {"quantity": lines.quantity, "price": lines.price, "amount": lines.given_amount}
    for role, values in numbers.items():
        if values is not None:
            changed[f"{role}_parsed"] = values.parsed
    changed["amount_rounded"] = lines.rounded
    verdict.flagged["ambiguous_time"] = lines.times.ambiguous
    verdict.flagged["nonexistent_time"] = lines.times.nonexistent


def _remove_unusable(verdict: Verdict, lines: Lines, rules: LineRules) -> None:
    verdict.remove(lines.customer.missing, "missing_customer_id")
    if not lines.order_made:
        verdict.remove(lines.order.missing, "missing_order_id")
    verdict.remove(lines.times.missing, "missing_time")
    verdict.remove(lines.times.unparsable, "unparsable_time")
    verdict.remove(lines.times.micros > rules.now, "future_time")
    numbers = {"quantity": lines.quantity, "price": lines.price, "amount": lines.given_amount}
    for role, column in numbers.items():
        if column is not None:
            verdict.remove(column.missing, f"missing_{role}")
            verdict.remove(column.invalid, f"invalid_{role}")
    if lines.quantity is not None:
        verdict.remove(np.abs(lines.quantity.values) >= LARGEST_QUANTITY, "invalid_quantity")
    verdict.remove(lines.too_large, "invalid_amount")


def _treat_duplicates(
    verdict: Verdict,
    lines: Lines,
    rules: LineRules,
    other_columns: Callable[[], Iterable[NDArray[np.int64]]],
) -> None:
    if rules.duplicates == "keep":
        return
    columns: list[NDArray[Any]] = [lines.order.codes]
    if lines.item is not None:
        columns.append(lines.item.codes)
    columns += [lines.customer.codes, lines.times.micros]
    numbers = (lines.quantity, lines.price, lines.given_amount)
    columns += [column.values for column in numbers if column is not None]
    marks = [*verdict.changed.values(), *verdict.flagged.values()]
    repeated = repeated_rows(
        chain(columns, other_columns()), verdict.kept, changes=lambda rows: bits_of(marks, rows)
    )
    verdict.treat(repeated, "duplicate", rules.duplicates)


def _item_counts(verdict: Verdict, lines: Lines) -> tuple[NDArray[np.intp], NDArray[np.int64]]:
    """Return the items of kept lines, as positions in their labels, and their lines."""
    if lines.item is None:
        return np.empty(0, dtype=np.intp), np.empty(0, dtype=np.int64)
    codes = lines.item.codes[verdict.kept]
    counts = np.bincount(codes[codes >= 0], minlength=len(lines.item.labels))
    present = np.flatnonzero(counts)
    return present, counts[present]


def _treat_non_products(
    verdict: Verdict, lines: Lines, rules: LineRules, known: Known | None
) -> None:
    item = lines.item
    if item is None or rules.non_products == "keep":
        return
    present, counts = _item_counts(verdict, lines)
    labels = [str(label) for label in item.labels[present]]
    if known is not None and known.services is not None:
        found = np.array([label in known.services for label in labels], dtype=bool)
    else:
        found = services_among(labels, counts, rules, detect=item.is_text and known is None)
    is_service = np.zeros(len(item.labels) + 1, dtype=bool)
    is_service[present[found]] = True
    verdict.treat(is_service[item.codes], "non_product", rules.non_products)
    verdict.services = item.labels[present[found]].tolist()


def _marked_orders(lines: Lines, rules: LineRules) -> Mask | None:
    """Return the orders whose ID is the prefix of credit notes and a digit, if any can be."""
    prefix, order = rules.cancellation_prefix, lines.order
    if not prefix or not order.is_text or lines.order_made:
        return None
    size = len(prefix)
    return np.array(
        [text.startswith(prefix) and text[size : size + 1].isdigit() for text in order.labels],
        dtype=bool,
    )


def _orders_of_kept(verdict: Verdict, lines: Lines) -> NDArray[np.int64]:
    """Return the orders of kept lines, each once for each of its customers."""
    order, customer = lines.order.codes[verdict.kept], lines.customer.codes[verdict.kept]
    owner = np.full(len(lines.order.labels), -1, dtype=np.int64)
    owner[order] = customer
    if (owner[order] == customer).all():
        return np.flatnonzero(owner >= 0).astype(np.int64)
    pairs = pd.DataFrame({"order": order, "customer": customer}).drop_duplicates()
    return pairs["order"].to_numpy(dtype=np.int64)


def _credit_notes(
    verdict: Verdict, lines: Lines, rules: LineRules, known: Known | None
) -> Mask | None:
    """Return the lines of credit notes; None if there are none."""
    marked = _marked_orders(lines, rules)
    if marked is None:
        return None
    if known is None:
        orders = _orders_of_kept(verdict, lines) if marked.any() else np.empty(0, dtype=np.int64)
        there = has_credit_notes(int(marked[orders].sum()), len(orders), rules)
    else:
        there = known.credit_notes
    if not there:
        return None
    of_order: Mask = np.append(marked, [False])
    return of_order[lines.order.codes]


def _settle_signs(verdict: Verdict, lines: Lines, rules: LineRules, credit: Mask | None) -> None:
    quantity, amount = verdict.quantity, verdict.amount
    if rules.cancellations == "unsigned":
        positive = amount > 0 if quantity is None else quantity > 0
        negated = positive & (False if credit is None else credit)
        if quantity is not None:
            quantity[negated] *= -1.0
        turned = negated & (amount > 0)
        amount[turned] = -amount[turned]
        verdict.changed["cancellation_negated"] = negated
    if quantity is None:
        negative, positive = amount < 0, amount > 0
    else:
        negative, positive = quantity < 0, quantity > 0
        if lines.given_amount is not None:
            wrong = negative & (amount > 0)
            amount[wrong] = -amount[wrong]
            verdict.changed["amount_negated"] = wrong
    if credit is not None:
        verdict.flagged["positive_cancellation"] = credit & positive
        verdict.flagged["negative_outside_credit_note"] = negative & ~credit


def _treat_prices(verdict: Verdict, lines: Lines, rules: LineRules) -> None:
    if verdict.quantity is not None:
        no_money = verdict.amount == 0 if lines.given_amount is not None else True
        verdict.remove((verdict.quantity == 0) & no_money, "zero_quantity")
    if lines.price is None:
        verdict.treat(verdict.amount == 0, "zero_amount", rules.zero_price)
        return
    verdict.treat(lines.price.values == 0, "zero_price", rules.zero_price)
    verdict.treat(lines.price.values < 0, "negative_price", rules.negative_price)


def _sizes(verdict: Verdict) -> tuple[Mask, dict[str, NDArray[Any]]]:
    """Return the purchases, and the sizes of all lines."""
    bought = verdict.kept & (verdict.amount > 0)
    sizes: dict[str, NDArray[Any]] = {}
    if verdict.quantity is not None:
        bought &= verdict.quantity > 0
        sizes["quantity"] = np.abs(verdict.quantity)
    sizes["amount"] = np.abs(verdict.amount)
    return bought, sizes


def _treat_outliers(verdict: Verdict, rules: LineRules, known: Known | None) -> None:
    if rules.outliers == "keep":
        return
    bought, sizes = _sizes(verdict)
    odd = np.zeros(len(bought), dtype=bool)
    for name, size in sizes.items():
        if known is None or known.limits is None:
            limits = outlier_limits(size[bought], n_scales=rules.outlier_limit)
        else:
            limits = known.limits[name]
        if limits is None:
            continue
        beyond = limits.outside(size) & (size > 0) & verdict.kept
        if beyond.any():
            verdict.limits[name] = limits
        odd |= beyond
    verdict.treat(odd, "outlier", rules.outliers)


def _counted_sizes(
    verdict: Verdict, lines: Lines, rules: LineRules, *, apart: bool
) -> dict[str, pd.DataFrame] | None:
    """Count the purchases of each size, those of doubtful items apart."""
    if rules.outliers == "keep":
        return {}
    bought, sizes = _sizes(verdict)
    names = np.array([None], dtype=object)
    item = np.zeros(int(bought.sum()), dtype=np.int64)
    if apart and lines.item is not None:
        doubtful = [is_doubtful(n) or n in rules.non_product_codes for n in lines.item.labels]
        if sum(doubtful) > MOST_DOUBTFUL:
            return None
        place = np.zeros(len(doubtful) + 1, dtype=np.int64)
        place[:-1][doubtful] = 1 + np.arange(sum(doubtful))
        names = np.array([None, *lines.item.labels[doubtful]], dtype=object)
        item = place[lines.item.codes[bought]]
    found: dict[str, pd.DataFrame] = {}
    for name, size in sizes.items():
        rows = pd.DataFrame({"item": item, "size": size[bought]})
        counted = rows.groupby(["item", "size"], sort=True).size()
        table = counted.rename("n").reset_index()
        found[name] = table.assign(item=names[table["item"].to_numpy()])
    return found


def line_notes(
    services: Sequence[Any], limits: Mapping[str, Limits], n_shared: int, *, minor_digits: int
) -> list[str]:
    """Say what was decided over all lines together.

    Parameters
    ----------
    services : sequence of str or int
        Codes that are not items, sorted.
    limits : mapping of str to Limits
        Of the sizes that some line is beyond.
    n_shared : int
        Orders of several customers.
    minor_digits : int
    """
    notes: list[str] = []
    if services:
        notes.append(f"codes that are not items: {_listed([str(code) for code in services])}.")
    units = {"quantity": 1.0, "amount": 10.0**minor_digits}
    notes += [_limits_note(name, limits[name], units[name]) for name in units if name in limits]
    if n_shared:
        notes.append(f"{format_count(n_shared, 'order')} with more than one customer.")
    return notes


def _listed(names: Sequence[str], most: int = 20) -> str:
    shown = ", ".join(names[:most])
    return shown if len(names) <= most else f"{shown} and {len(names) - most} more"


def _limits_note(name: str, limits: Limits, unit: float) -> str:
    low, high = limits.low / unit, limits.high / unit
    below = f"below {low:,.4g} or " if limits.smallest < limits.low else ""
    return f"an outlier's {name} is {below}above {high:,.2f}."


def _flag_oddities(verdict: Verdict, lines: Lines, rules: LineRules, *, alone: bool) -> None:
    flagged = verdict.flagged
    if lines.item is not None:
        flagged["missing_item_id"] = lines.item.missing
    if verdict.quantity is not None:
        flagged["negative_amount"] = (verdict.quantity > 0) & (verdict.amount < 0)
        if lines.price is not None and lines.given_amount is not None:
            product, _ = money_of_product(lines.price, verdict.quantity, rules.minor_digits)
            flagged["amount_differs"] = np.abs(product - verdict.amount) > 1
    if lines.order_made or not alone:
        return
    owners = np.bincount(_orders_of_kept(verdict, lines), minlength=len(lines.order.labels) + 1)
    flagged["shared_order_id"] = (owners > 1)[lines.order.codes]
    verdict.n_shared = int((owners > 1).sum())
