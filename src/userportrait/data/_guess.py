"""Guess which columns play which roles, say why, and never choose between two that fit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias, cast

from userportrait._core import frames
from userportrait._core.display import page_fragment, table
from userportrait._core.params import OneOf, check_values
from userportrait.data._clean_common import check_columns
from userportrait.data._roles import (
    CUSTOMER_ROLES,
    EVENT_ROLES,
    ITEM_ROLES,
    ORDER_ROLES,
    REVIEW_ROLES,
    TOUCH_ROLES,
    Role,
)
from userportrait.errors import InvalidDataError, InvalidParameterError, unknown_name

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pandas as pd

    from userportrait.typing import IntoFrame

__all__ = ["GuessedRole", "RoleGuess", "guess_roles"]

_TABLES: dict[str, tuple[Role, ...]] = {
    "orders": ORDER_ROLES,
    "events": EVENT_ROLES,
    "customers": CUSTOMER_ROLES,
    "items": ITEM_ROLES,
    "touches": TOUCH_ROLES,
    "reviews": REVIEW_ROLES,
}
_MORE: dict[str, tuple[str, ...]] = {
    "customer_id": (
        "membernumber", "memberno", "accountid", "accountno", "shopperid", "buyerno", "userno",
        "customercode", "客户编号", "用户编号", "会员号", "会员编号", "会员卡号", "买家id",
        "顾客id", "顾客编号",
    ),
    "order_id": (
        "ordercode", "orderref", "orderreference", "purchaseid", "receiptno", "ticketid",
        "transactionno", "billno", "salesorderid", "订单号码", "交易号", "小票号", "单号",
    ),
    "ordered_at": (
        "orderpurchasetimestamp", "purchasetime", "purchasetimestamp", "transactiontime",
        "saledate", "salesdate", "invoicetime", "ordertimestamp", "orderedon",
        "订单日期", "购买时间", "购买日期", "成交时间", "交易时间", "交易日期", "付款时间",
        "支付时间",
    ),
    "item_id": (
        "skuid", "itemno", "itemcode", "itemnumber", "productno", "productnumber", "materialno",
        "商品编码", "商品代码", "产品编号", "产品id", "物料编号",
    ),
    "quantity": ("orderqty", "quantityordered", "itemquantity", "购买数量", "销售数量", "销量"),
    "price": ("saleprice", "sellingprice", "priceeach", "unitamount", "商品单价"),
    "amount": (
        "orderamount", "ordertotal", "orderedamount", "paymentvalue", "spend", "lineamount",
        "salesamount", "totalamount", "transactionamount", "grandtotal", "turnover",
        "订单金额", "支付金额", "付款金额", "实付", "销售额", "交易金额", "消费金额",
    ),
    "channel": ("saleschannel", "orderchannel", "orderchannelname", "来源", "订单渠道"),
    "country": ("customercountry", "shippingcountry", "billingcountry", "countrycode", "地区"),
    "category": ("productcategory", "itemcategory", "categoryname", "类目", "分类", "商品类别"),
    "event": ("eventname", "behaviour", "behaviortype", "行为", "行为类型", "事件"),
    "occurred_at": ("eventtimestamp", "eventat", "行为时间", "发生时间"),
}  # fmt: skip
"""Names beyond those of `_roles`, by role."""

_PRECISE_ENDS = ("id", "no", "number", "code", "ref", "编号", "号", "编码", "代码")
_LOOSE_TIMES = frozenset(
    {"date", "datetime", "timestamp", "time", "ts", "日期", "时间", "createdat"}
)
_LOOSE_NUMBERS = frozenset({"value", "count", "total", "sales", "price", "cost", "价格"})
_OTHER_STARTS = ("first", "last", "next", "old", "original", "parent", "prev", "related", "return")
_SHORTEST_END = 5
_Kind: TypeAlias = str

_FITTING: dict[str, frozenset[str]] = {
    "id": frozenset({"integer", "number", "text", "category", "decimal", "other", "empty"}),
    "time": frozenset({"time", "date", "text", "integer", "number", "category", "other", "empty"}),
    "number": frozenset({"integer", "number", "decimal", "text", "category", "empty"}),
    "label": frozenset({"text", "category", "integer", "boolean", "number", "empty"}),
}
_TIERS = (
    "it is the role's own name",
    "its name means just this",
    "its name usually means this",
    "its name ends like the role's",
)


@dataclass(frozen=True, slots=True)
class GuessedRole:
    """A role, the column that plays it, and why.

    Parameters
    ----------
    role : str
    column : str or None
        None where the role is deliberately left empty.
    why : str

    Examples
    --------
    >>> GuessedRole("order_id", "InvoiceNo", "its name means just this").column
    'InvoiceNo'
    """

    role: str
    column: str | None
    why: str


@dataclass(frozen=True, slots=True)
class RoleGuess:
    """Which columns play which roles.

    Parameters
    ----------
    table : str
        The table that the roles belong to.
    roles : tuple of GuessedRole
        In the table's order; `column` is None where a role is deliberately left empty.
    unused : tuple of str
        Columns without a role.

    Examples
    --------
    >>> RoleGuess("orders", (GuessedRole("price", "cost", "you said so"),), ("note",)).columns
    {'price': 'cost'}
    """

    table: str
    roles: tuple[GuessedRole, ...]
    unused: tuple[str, ...]

    @property
    def columns(self) -> dict[str, Any]:
        """Role to column: the keyword arguments of `clean_orders` or `clean_events`."""
        return {found.role: found.column for found in self.roles}

    def to_dict(self) -> dict[str, Any]:
        """Return the guess as a dict that JSON can write."""
        roles = {r.role: {"column": r.column, "why": r.why} for r in self.roles}
        return {"table": self.table, "roles": roles, "unused": list(self.unused)}

    def to_frame(self) -> pd.DataFrame:
        """Return one row per role: `role`, `column`, `why`."""
        import pandas as pd

        return pd.DataFrame(
            {
                "role": [found.role for found in self.roles],
                "column": [found.column for found in self.roles],
                "why": [found.why for found in self.roles],
            }
        )

    def __str__(self) -> str:
        width = max((len(found.role) for found in self.roles), default=0)
        names = [repr(found.column) if found.column else "none" for found in self.roles]
        wide = max((len(name) for name in names), default=0)
        lines = [
            f"  {found.role:<{width}}  {name:<{wide}}  {found.why}"
            for found, name in zip(self.roles, names, strict=True)
        ]
        rest = [f"  without a role: {', '.join(self.unused)}"] if self.unused else []
        return "\n".join([f"Roles of {self.table}", *lines, *rest])

    def _repr_html_(self) -> str:
        rows = [(found.role, found.column or "none", found.why) for found in self.roles]
        return page_fragment(f"Roles of {self.table}", table(("role", "column", "why"), rows))


def guess_roles(
    columns_or_frame: IntoFrame | Sequence[str],
    *,
    given: Mapping[str, str | None] | None = None,
    table: str = "orders",
) -> RoleGuess:
    """Guess which columns play which roles, from names and types.

    Parameters
    ----------
    columns_or_frame : frame or sequence of str
        A frame, whose types are used too, or only the names of columns.
    given : mapping of str to (str or None), optional
        Roles that you set yourself: a column, or None to leave the role empty.
    table : {'orders', 'events', 'customers', 'items', 'touches', 'reviews'}, default='orders'
        The table whose roles to guess.

    Returns
    -------
    RoleGuess
        Its `columns` are keyword arguments for `clean_orders` or `clean_events`. Orders
        without a column for `order_id` get None: one order per customer and day.

    Raises
    ------
    InvalidDataError
        If two columns fit a role equally well, or none fits a role that is needed; the message
        names the option to set.
    InvalidParameterError
        If a role or table is not known, or a column is given for two roles.
    MissingColumnError
        If a given column is not there.

    Notes
    -----
    Names are compared without case, blanks and punctuation, in English and Chinese. A role's
    own name comes before a name that means just this (InvoiceNo), before one that usually does
    (Invoice, Date), before one that ends like it (fk_customer_id). Only the best of these
    counts, and there it must be one column; for quantity, price and amount, all names count
    the same. Labels that two columns fit are left out.

    Examples
    --------
    >>> guess = guess_roles(["InvoiceNo", "Quantity", "InvoiceDate", "UnitPrice", "CustomerID"])
    >>> guess.columns["ordered_at"]
    'InvoiceDate'
    >>> guess_roles(["user", "client", "date", "amount"])
    Traceback (most recent call last):
    userportrait.errors.InvalidDataError: two columns could be customer_id (who bought): 'client' \
and 'user'. Say which: customer_id='client' or customer_id='user' (in a shell, --customer-id).
    """
    check_values("guess_roles", {"table": table}, {"table": OneOf(tuple(_TABLES))})
    names, kinds = _names_and_kinds(columns_or_frame)
    roles = _TABLES[table]
    fixed = dict(given or {})
    _check_given(fixed, roles, names)
    taken = {column for column in fixed.values() if column is not None}
    free = [name for name in names if name not in taken]
    found = _assign(free, kinds, [role for role in roles if role.name not in fixed])
    for role, column in fixed.items():
        why = "you said so" if column is not None else "you left it out"
        found[role] = GuessedRole(role, column, why)
    _complete(found, free, kinds, roles, table)
    ordered = tuple(found[role.name] for role in roles if role.name in found)
    used = {guess.column for guess in ordered}
    return RoleGuess(table, ordered, tuple(name for name in names if name not in used))


def _names_and_kinds(source: Any) -> tuple[list[str], dict[str, _Kind]]:
    if isinstance(source, str):
        problem = "columns_or_frame must be a frame or a sequence of names; got one text."
        raise InvalidParameterError("guess_roles", [problem])
    if isinstance(source, (list, tuple)):
        return [str(name) for name in cast("Sequence[object]", source)], {}
    entered = frames.enter(source, argument="columns_or_frame")
    kinds = dict(frames.column_kinds(entered))
    return list(kinds), {name: str(kind) for name, kind in kinds.items()}


def _check_given(
    given: Mapping[str, str | None], roles: Sequence[Role], names: Sequence[str]
) -> None:
    known = [role.name for role in roles]
    unknown = [unknown_name("role", role, known) for role in given if role not in known]
    if unknown:
        raise InvalidParameterError("guess_roles", unknown)
    chosen = {role: column for role, column in given.items() if column is not None}
    check_columns(chosen, names, owner="guess_roles")


def _fold(name: str) -> str:
    return "".join(letter for letter in name.casefold() if letter.isalnum())


def _tier(name: str, role: Role) -> int | None:
    """Return how well a name fits a role: 0 is best, None is not at all."""
    folded = _fold(name)
    if folded == _fold(role.name):
        return 0
    synonyms = {*role.synonyms, *_MORE.get(role.name, ())}
    if folded in synonyms:
        return 2 if _is_loose(folded, role) else 1
    if role.kind not in ("id", "time") or folded.startswith(_OTHER_STARTS):
        return None
    tails = [text for text in synonyms if len(text) >= _SHORTEST_END and not _is_loose(text, role)]
    tails.append(_fold(role.name))
    return 3 if any(folded.endswith(tail) for tail in tails) else None


def _is_loose(folded: str, role: Role) -> bool:
    if role.kind == "id":
        return not folded.endswith(_PRECISE_ENDS)
    if role.kind == "time":
        return folded in _LOOSE_TIMES
    return folded in _LOOSE_NUMBERS


def _assign(
    names: Sequence[str], kinds: Mapping[str, _Kind], roles: Sequence[Role]
) -> dict[str, GuessedRole]:
    """Give each column to the role that it fits best, and each role its best column."""
    wishes: dict[str, list[tuple[int, str]]] = {role.name: [] for role in roles}
    for name in names:
        fits = [(tier, role) for role in roles if (tier := _fit(name, kinds, role)) is not None]
        if fits:
            tier, role = min(fits, key=lambda found: found[0])
            wishes[role.name].append((tier, name))
    found: dict[str, GuessedRole] = {}
    for role in roles:
        if not wishes[role.name]:
            continue
        best = min(tier for tier, _ in wishes[role.name])
        # A price may be of a unit or of a line: between names of numbers, none is better.
        last = max(best, 2) if role.kind == "number" else best
        columns = sorted(name for tier, name in wishes[role.name] if tier <= last)
        if len(columns) == 1:
            others = sorted(name for tier, name in wishes[role.name] if tier > last)
            found[role.name] = GuessedRole(role.name, columns[0], _why(best, others))
        elif role.kind != "label" or role.required:
            raise InvalidDataError(_two_fit(role, columns), column=columns[0])
    return found


def _why(tier: int, others: Sequence[str]) -> str:
    less = f"; less so {', '.join(map(repr, others))}" if others else ""
    return _TIERS[tier] + less


def _fit(name: str, kinds: Mapping[str, _Kind], role: Role) -> int | None:
    kind = kinds.get(name)
    if kind is not None and role.kind != "any" and kind not in _FITTING[role.kind]:
        return None
    return _tier(name, role)


def _two_fit(role: Role, columns: Sequence[str]) -> str:
    number = "two" if len(columns) == 2 else str(len(columns))
    listed = " and ".join(f"'{name}'" for name in columns)
    options = " or ".join(f"{role.name}='{name}'" for name in columns)
    flag = "--" + role.name.replace("_", "-")
    return (
        f"{number} columns could be {role.name} ({role.description}): {listed}. "
        f"Say which: {options} (in a shell, {flag})."
    )


def _complete(
    found: dict[str, GuessedRole],
    names: Sequence[str],
    kinds: Mapping[str, _Kind],
    roles: Sequence[Role],
    table: str,
) -> None:
    """Fill what names cannot tell, and refuse what is still missing."""
    used = {guess.column for guess in found.values()}
    for role in roles:
        if not role.required or role.name in found:
            continue
        times = [n for n in names if kinds.get(n) in ("time", "date") and n not in used]
        if role.kind == "time" and len(times) == 1:
            found[role.name] = GuessedRole(role.name, times[0], "it is the only column of times")
        elif role.kind == "time" and len(times) > 1:
            raise InvalidDataError(_two_fit(role, sorted(times)), column=min(times))
        elif table == "orders" and role.name == "order_id":
            why = "no column fits: one order per customer and day"
            found[role.name] = GuessedRole(role.name, None, why)
        else:
            raise InvalidDataError(_none_fits(role, names))
    have = {role for role, guess in found.items() if guess.column is not None}
    if table == "orders" and "amount" not in have and not {"quantity", "price"} <= have:
        raise InvalidDataError(_no_money(have, names))


def _none_fits(role: Role, names: Sequence[str]) -> str:
    flag = "--" + role.name.replace("_", "-")
    listed = ", ".join(f"'{name}'" for name in sorted(names)[:30])
    return (
        f"no column looks like {role.name} ({role.description}). Say which one it is: "
        f"{role.name}='...' (in a shell, {flag}). Columns: {listed}."
    )


def _no_money(have: set[str], names: Sequence[str]) -> str:
    part = next(iter(sorted({"quantity", "price"} & have)), None)
    beginning = "no column looks like money" if part is None else f"there is only a {part}"
    listed = ", ".join(f"'{name}'" for name in sorted(names)[:30])
    return (
        f"{beginning}: orders need an amount, or both a quantity and a price. Say which columns "
        f"they are: amount='...' (in a shell, --amount), or quantity= and price=. "
        f"Columns: {listed}."
    )
