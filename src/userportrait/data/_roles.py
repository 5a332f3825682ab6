"""What each table's columns mean, and which names people give to them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

from userportrait.errors import ColumnTypeError, MissingColumnError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = [
    "CUSTOMER_ROLES",
    "EVENT_ROLES",
    "ITEM_ROLES",
    "ORDER_ROLES",
    "REVIEW_ROLES",
    "TOUCH_ROLES",
    "Role",
    "RoleKind",
    "check_kinds",
    "check_present",
]

RoleKind: TypeAlias = Literal["id", "time", "number", "label", "any"]


@dataclass(frozen=True, slots=True)
class Role:
    """One column of a table: its canonical name, what it holds, and names seen in the wild."""

    name: str
    kind: RoleKind
    description: str
    required: bool = False
    synonyms: tuple[str, ...] = ()


_CUSTOMER = ("customer", "customerid", "custid", "userid", "user", "client", "clientid", "member",
             "memberid", "buyer", "buyerid", "customerno", "customernumber", "visitorid", "uid",
             "客户", "客户id", "用户", "用户id", "会员", "会员id", "买家")  # fmt: skip
_ORDER = ("order", "orderid", "orderno", "ordernumber", "invoice", "invoiceid", "invoiceno",
          "invoicenumber", "transaction", "transactionid", "receipt", "receiptid", "basketid",
          "订单", "订单号", "订单id", "订单编号")  # fmt: skip
_ITEM = ("item", "itemid", "product", "productid", "productcode", "sku", "stockcode", "article",
         "articleid", "asin", "goods", "goodsid", "商品", "商品id", "商品编号", "货号")  # fmt: skip
_ORDERED = ("orderedat", "orderdate", "ordertime", "invoicedate", "transactiondate", "transdate",
            "purchasedate", "purchasedat", "date", "datetime", "timestamp", "time", "createdat",
            "下单时间", "订单时间", "日期", "时间")  # fmt: skip
_OCCURRED = ("occurredat", "eventtime", "eventdate", "timestamp", "time", "date", "ts")
_QUANTITY = ("quantity", "qty", "units", "count", "pieces", "numberofitems", "数量", "件数")
_PRICE = ("price", "unitprice", "itemprice", "priceperunit", "单价", "价格")
_AMOUNT = ("amount", "total", "totalprice", "linetotal", "sales", "revenue", "value", "tranamount",
           "tranamt", "dollarvalue", "netamount", "金额", "总价", "实付金额")  # fmt: skip

ORDER_ROLES: tuple[Role, ...] = (
    Role("customer_id", "id", "who bought", True, _CUSTOMER),
    Role("order_id", "id", "the order that the line belongs to", True, _ORDER),
    Role("ordered_at", "time", "when the order was placed", True, _ORDERED),
    Role("item_id", "id", "what was bought", False, _ITEM),
    Role("quantity", "number", "units; negative for a return", False, _QUANTITY),
    Role("price", "number", "price of one unit", False, _PRICE),
    Role("amount", "number", "money of the line; negative for a refund", False, _AMOUNT),
    Role("channel", "label", "where the order came from", False, ("channel", "source", "渠道")),
    Role("country", "label", "where the customer ordered from", False, ("country", "国家")),
    Role("category", "label", "the item's category", False, ("category", "department", "品类")),
)
EVENT_ROLES: tuple[Role, ...] = (
    Role("customer_id", "id", "who did it", True, _CUSTOMER),
    Role("event", "label", "what was done", True, ("event", "eventtype", "action", "behavior")),
    Role("occurred_at", "time", "when", True, _OCCURRED),
    Role("item_id", "id", "with which item", False, _ITEM),
    Role("session_id", "id", "in which visit", False, ("session", "sessionid", "visitid")),
    Role("channel", "label", "where the visit came from", False, ("channel", "source")),
    Role("device", "label", "on which device", False, ("device", "platform")),
    Role("query", "label", "the words searched for", False, ("query", "searchterm", "keyword")),
)
CUSTOMER_ROLES: tuple[Role, ...] = (
    Role("customer_id", "id", "the customer", True, _CUSTOMER),
    Role("registered_at", "time", "when the account was opened", False, ("signupdate",)),
    Role("birth_date", "time", "date of birth", False, ("birthday", "dateofbirth", "dob")),
    Role("gender", "label", "gender", False, ("sex",)),
    Role("city", "label", "city", False, ()),
    Role("country", "label", "country", False, ()),
)
ITEM_ROLES: tuple[Role, ...] = (
    Role("item_id", "id", "the item", True, _ITEM),
    Role("name", "label", "the item's name", False, ("name", "title", "description")),
    Role("category", "label", "the item's category", False, ("category", "department")),
    Role("brand", "label", "the item's brand", False, ("brand", "maker")),
    Role("price", "number", "list price of one unit", False, _PRICE),
    Role("cost", "number", "cost of one unit", False, ("cost", "unitcost")),
)
TOUCH_ROLES: tuple[Role, ...] = (
    Role("customer_id", "id", "who was reached", True, _CUSTOMER),
    Role("touched_at", "time", "when", True, ("touchedat", "sentat", *_OCCURRED)),
    Role("channel", "label", "through which channel", True, ("channel", "medium", "source")),
    Role("campaign_id", "label", "by which campaign", False, ("campaign", "campaignid")),
    Role("cost", "number", "cost of this touch", False, ("cost", "spend")),
)
REVIEW_ROLES: tuple[Role, ...] = (
    Role("item_id", "id", "the item reviewed", True, _ITEM),
    Role("reviewed_at", "time", "when", True, ("reviewedat", "reviewdate", *_OCCURRED)),
    Role("customer_id", "id", "who wrote it", False, _CUSTOMER),
    Role("rating", "number", "the rating given", False, ("rating", "stars", "score")),
    Role("text", "label", "the words", False, ("text", "review", "reviewtext", "comment")),
)

_ALLOWED: Mapping[RoleKind, frozenset[str]] = {
    "id": frozenset({"integer", "text", "category", "number"}),
    "time": frozenset({"time", "date"}),
    "number": frozenset({"integer", "number", "decimal"}),
    "label": frozenset({"text", "category", "integer", "boolean", "number"}),
    "any": frozenset(),
}
_EXPECTED: Mapping[RoleKind, str] = {
    "id": "whole numbers or texts",
    "time": "dates or times",
    "number": "numbers",
    "label": "texts",
    "any": "anything",
}


def check_present(owner: str, roles: Sequence[Role], columns: Sequence[str]) -> None:
    """Raise `MissingColumnError` for the first required role that no column plays."""
    for role in roles:
        if role.required and role.name not in columns:
            raise MissingColumnError(role.name, columns, _role_text(owner, role, columns))


def _role_text(owner: str, role: Role, columns: Sequence[str]) -> str:
    text = f"{owner} needs '{role.name}' ({role.description})"
    folded = {_fold(name): name for name in columns}
    likely = next((folded[s] for s in role.synonyms if s in folded), None)
    if likely is None:
        return text
    return f"{text}; '{likely}' looks like it, so rename it"


def _fold(name: str) -> str:
    return "".join(letter for letter in name.casefold() if letter.isalnum())


def check_kinds(owner: str, roles: Sequence[Role], kinds: Mapping[str, str]) -> None:
    """Raise `ColumnTypeError` for the first role whose column has a type it cannot take."""
    for role in roles:
        kind = kinds.get(role.name)
        if kind is None or kind == "empty" or role.kind == "any":
            continue
        if kind in _ALLOWED[role.kind]:
            continue
        message = (
            f"{owner}: column '{role.name}' ({role.description}) must hold {_EXPECTED[role.kind]}; "
            f"it holds {_HOLDS.get(kind, kind)}.{_REMEDY.get((role.kind, kind), '')}"
        )
        raise ColumnTypeError(message, column=role.name)


_HOLDS = {
    "text": "texts",
    "integer": "whole numbers",
    "number": "numbers with a fraction",
    "decimal": "decimal numbers",
    "boolean": "true and false",
    "time": "times",
    "date": "dates",
    "category": "categories",
    "other": "values of several types, or of a type that has no meaning here",
}
_REMEDY = {
    (
        "time",
        "text",
    ): " Parse it first, or use a clean_ function, which parses and counts failures.",
    ("time", "other"): (
        " If the times mix time zones, convert them with pandas.to_datetime(..., utc=True)."
    ),
    ("number", "text"): " Convert it first, or use a clean_ function.",
    ("number", "category"): " Convert it first, for example with .astype('float64').",
    ("id", "other"): " Convert all of them to one type, for example with .astype(str).",
    ("id", "decimal"): " Convert it to int64 or to text.",
}
