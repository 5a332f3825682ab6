"""Shops to report on: an ordinary one, and small ones made by hand."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest

from userportrait._core.axes import chinese_font
from userportrait.data import Orders, make_shop
from userportrait.patterns import Baskets, derive_rules, mine_itemsets
from userportrait.portraits import build_portraits, default_tags
from userportrait.tags import FactTag, TagCatalogue

if TYPE_CHECKING:
    from collections.abc import Callable

    from userportrait.patterns import Rules
    from userportrait.portraits import Portraits


@pytest.fixture(params=["en", "zh"])
def language(request: pytest.FixtureRequest) -> str:
    """Each language; Chinese plots only where a font has the letters."""
    if request.param == "zh" and chinese_font() is None:
        pytest.skip("no installed font has Chinese letters")
    return str(request.param)


Line = tuple[object, object, str, float]


@pytest.fixture(scope="session")
def portraits() -> Portraits:
    """An ordinary shop: customers without an order among them, money in a currency."""
    shop = make_shop(n_customers=300, random_state=2)
    return build_portraits(
        shop.orders, customers=shop.customers, items=shop.items, events=shop.events
    )


@pytest.fixture(scope="session")
def portray() -> Callable[..., Portraits]:
    """Portray a shop given by its lines: customer, order, time, amount."""

    def build(*lines: Line, as_of: object = None, currency: str | None = None, **kw: Any) -> Any:
        names = ["customer_id", "order_id", "ordered_at", "amount"]
        frame = pd.DataFrame(list(lines), columns=names)
        frame["ordered_at"] = pd.to_datetime(frame["ordered_at"])
        return build_portraits(Orders(frame, currency=currency), as_of=as_of, **kw)

    return build


@pytest.fixture(scope="session")
def by_hand(portray: Callable[..., Portraits]) -> Portraits:
    """Four customers: ann 3 orders, bo 2, cy 1, di 1; figures to work out on paper."""
    return portray(
        ("ann", 1, "2026-01-05", 100.0),
        ("ann", 2, "2026-02-04", 200.0),
        ("ann", 3, "2026-03-06", 300.0),
        ("bo", 4, "2026-01-10", 50.0),
        ("bo", 5, "2026-02-09", 150.0),
        ("bo", 5, "2026-02-10", -40.0),
        ("cy", 6, "2026-02-01", 30.0),
        ("di", 7, "2026-03-20", 10.0),
        as_of="2026-03-31",
        currency="EUR",
    )


@pytest.fixture(scope="session")
def bare(portray: Callable[..., Portraits]) -> Portraits:
    """Portraits with two tags and no facts, as another program could have stored them."""
    tags = TagCatalogue([FactTag("n_orders", "n_orders"), FactTag("spend", "spend")])
    found = portray(("ann", 1, "2026-01-05", 10.0), ("bo", 2, "2026-01-06", 5.5), tags=tags)
    build = type(found.build)(as_of=found.as_of, versions=found.build.versions)
    found.table = found.table.with_build(build)
    return found


@pytest.fixture(scope="session")
def hostile() -> Callable[[], tuple[TagCatalogue, str]]:
    """Tags whose names for people, values and descriptions are markup."""
    evil = '<script>alert("&")</script>'

    def make() -> tuple[TagCatalogue, str]:
        tag = FactTag(
            "n_items", "n_items", description=evil, unit=evil, labels={"en": evil, "zh": evil}
        )
        return default_tags().replace(tag), evil

    return make


@pytest.fixture(scope="session")
def sold() -> Rules:
    """Rules of 300 baskets: a pair, a triple, a pair that avoids each other, and chance."""
    rng = np.random.default_rng(5)
    baskets: list[list[str]] = []
    for _ in range(300):
        basket = [item for item in "abcd" if rng.random() < 0.12]
        if rng.random() < 0.3:
            basket += ["pot", "tea"] if rng.random() < 0.8 else ["tea"]
        if rng.random() < 0.2:
            basket += ["ink", "pen", "pad"]
        basket += ["gin"] if rng.random() < 0.5 else ["rum"]
        if rng.random() < 0.05:
            basket += ["gin", "rum"]
        baskets.append(basket)
    itemsets = mine_itemsets(Baskets.from_lists(baskets), min_support=9, engine="numpy")
    return derive_rules(itemsets, min_confidence=0.02)
