"""Tables with roles, readers, cleaning with a report, and a sample shop."""

from __future__ import annotations

from userportrait.data._clean_events import clean_events
from userportrait.data._clean_orders import clean_orders
from userportrait.data._clean_report import CleaningReport, Reason
from userportrait.data._guess import GuessedRole, RoleGuess, guess_roles
from userportrait.data._orders import Orders
from userportrait.data._readers import read_csv, read_parquet, read_sql, read_table
from userportrait.data._scan import scan_parquet
from userportrait.data._shop import Shop, make_shop
from userportrait.data._shop_truth import ShopCampaign, ShopTruth
from userportrait.data._tables import Customers, Events, Items, Reviews, Table, Touches

__all__ = [
    "CleaningReport",
    "Customers",
    "Events",
    "GuessedRole",
    "Items",
    "Orders",
    "Reason",
    "Reviews",
    "RoleGuess",
    "Shop",
    "ShopCampaign",
    "ShopTruth",
    "Table",
    "Touches",
    "clean_events",
    "clean_orders",
    "guess_roles",
    "make_shop",
    "read_csv",
    "read_parquet",
    "read_sql",
    "read_table",
    "scan_parquet",
]
