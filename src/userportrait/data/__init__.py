"""Tables with roles, readers, cleaning with a report, and a sample shop."""

from __future__ import annotations

from userportrait.data._orders import Orders
from userportrait.data._shop import Shop, make_shop
from userportrait.data._shop_truth import ShopCampaign, ShopTruth
from userportrait.data._tables import Customers, Events, Items, Reviews, Table, Touches

__all__ = [
    "Customers",
    "Events",
    "Items",
    "Orders",
    "Reviews",
    "Shop",
    "ShopCampaign",
    "ShopTruth",
    "Table",
    "Touches",
    "make_shop",
]
