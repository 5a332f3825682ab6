"""The sample shop's items: categories, price tiers, popularity, bundles, and drawing them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from userportrait.data import _shop_model as model
from userportrait.data import _shop_words as words
from userportrait.data._shop_tools import Floats, Ints, numbered, pick, spread

if TYPE_CHECKING:
    from userportrait.data._shop_customers import Shoppers

__all__ = ["Bundles", "Shelves", "Wares", "draw_wares", "item_names", "items_frame", "make_shelves"]

_POPULARITY = 0.9
"""The item of rank k in its category and tier sells as k to the power -0.9."""

_ITEMS_PER_BUNDLE = 25
_USUAL_TIER = 0.75
"""Share of purchases from the customer's own price tier."""


@dataclass(frozen=True, slots=True, eq=False)
class Bundles:
    """Pairs of items: whoever orders the first adds the second with a chance.

    Parameters
    ----------
    first, second : ndarray of shape (n_bundles,)
        Items; no item is in two bundles.
    chance : ndarray of shape (n_bundles,)
    """

    first: Ints
    second: Ints
    chance: Floats


@dataclass(frozen=True, slots=True, eq=False)
class Wares:
    """What is true of each item; arrays of shape (n_items,).

    Parameters
    ----------
    category, tier : ndarray
        Positions in `CATEGORIES` and `TIERS`.
    noun, brand, adjective : ndarray
        Which words make the name.
    price, cost : ndarray
        Minor units.
    popularity : ndarray
        Weight among the items of the same category and tier.
    quality : ndarray
        Stars above or below the usual rating.
    bundles : Bundles
    """

    category: Ints
    tier: Ints
    noun: Ints
    brand: Ints
    adjective: Ints
    price: Ints
    cost: Ints
    popularity: Floats
    quality: Floats
    bundles: Bundles

    def __len__(self) -> int:
        return len(self.category)


def draw_wares(n: int, rng: np.random.Generator) -> Wares:
    """Draw all items."""
    place = rng.permutation(n)
    limits = np.cumsum(model.CATEGORY_SHARE)
    category = np.searchsorted(limits / limits[-1], (place + 0.5) / n).astype(np.int64)
    tier = rng.choice(len(model.TIERS), size=n, p=(0.36, 0.44, 0.2)).astype(np.int64)
    price = _prices(category, tier, rng)
    cost_share = model.CATEGORY_COST[category] * rng.uniform(0.85, 1.15, size=n)
    popularity = _popularity(category * len(model.TIERS) + tier, rng)
    brands_each = len(words.BRANDS) // len(model.CATEGORIES)
    other = rng.random(n) < 0.25
    brand = np.where(other, rng.integers(0, brands_each, size=n), tier)
    return Wares(
        category=category,
        tier=tier,
        noun=rng.integers(0, len(words.NOUNS[0]), size=n),
        brand=category * brands_each + brand,
        adjective=rng.integers(0, len(words.ADJECTIVES), size=n),
        price=price,
        cost=np.maximum(np.rint(price * cost_share).astype(np.int64), 1),
        popularity=popularity,
        quality=rng.normal(0.0, 0.4, size=n),
        bundles=_draw_bundles(popularity, rng),
    )


def _prices(category: Ints, tier: Ints, rng: np.random.Generator) -> Ints:
    usual = model.CATEGORY_PRICE[category] * model.TIER_PRICE[tier]
    price = usual * np.exp(rng.normal(0.0, 0.35, size=len(category)))
    halves = np.maximum(np.rint(price * 2.0), 2.0).astype(np.int64)
    return halves * 50 - 1  # 0.99, 1.49, 1.99, …


def _popularity(cell: Ints, rng: np.random.Generator) -> Floats:
    shuffled = rng.permutation(len(cell))
    by_cell = shuffled[np.argsort(cell[shuffled], kind="stable")]
    sorted_cells = cell[by_cell]
    starts = np.searchsorted(sorted_cells, sorted_cells)
    ranks = np.empty(len(cell), dtype=np.float64)
    ranks[by_cell] = np.arange(len(cell)) - starts + 1
    found: Floats = ranks**-_POPULARITY
    return found


def _draw_bundles(popularity: Floats, rng: np.random.Generator) -> Bundles:
    n = len(popularity)
    count = max(1, n // _ITEMS_PER_BUNDLE) if n > 1 else 0
    ranked = np.argsort(-popularity, kind="stable")
    chosen = rng.choice(ranked[: max(n // 2, 2 * count)], size=2 * count, replace=False)
    chance = np.round(rng.uniform(0.25, 0.55, size=count), 2)
    return Bundles(first=chosen[:count], second=chosen[count:], chance=chance)


@dataclass(frozen=True, slots=True, eq=False)
class Shelves:
    """Items in rows by category and price tier, ready for weighted draws.

    Parameters
    ----------
    items : ndarray of shape (n_items,)
        Items sorted by shelf.
    weight : ndarray of shape (n_items,)
        Running sum of their popularity.
    first, last : ndarray of shape (n_categories * n_tiers,)
        Places on the shelf that serves each category and tier: the tier's own, or the
        nearest one with items.
    liking : ndarray of shape (n_customers, n_categories)
        Chances of the categories that the shop has.
    tier : ndarray of shape (n_customers,)
        Each customer's preferred tier.
    """

    items: Ints
    weight: Floats
    first: Ints
    last: Ints
    liking: Floats
    tier: Ints

    def draw(self, customer: Ints, rng: np.random.Generator) -> Ints:
        """Draw one item for each customer named."""
        n = len(customer)
        category = pick(self.liking, customer, rng.random(n))
        usual = rng.random(n) < _USUAL_TIER
        tier = np.where(usual, self.tier[customer], rng.integers(0, len(model.TIERS), size=n))
        return self.draw_from(category * len(model.TIERS) + tier, rng.random(n))

    def draw_from(self, shelf: Ints, draws: Floats) -> Ints:
        """Draw one item from each shelf named."""
        first, last = self.first[shelf], self.last[shelf]
        below = np.where(first > 0, self.weight[first - 1], 0.0)
        target = below + draws * (self.weight[last] - below)
        place = np.searchsorted(self.weight, target, side="right")
        found: Ints = self.items[np.clip(place, first, last)]
        return found


def make_shelves(wares: Wares, shoppers: Shoppers) -> Shelves:
    """Sort the items on shelves and fit the customers' tastes to what there is."""
    n_tiers, n_shelves = len(model.TIERS), len(model.CATEGORIES) * len(model.TIERS)
    shelf = wares.category * n_tiers + wares.tier
    items = np.argsort(shelf, kind="stable")
    counts = np.bincount(shelf, minlength=n_shelves)
    serving = _nearest_tier(counts.reshape(-1, n_tiers))
    first = np.cumsum(counts) - counts
    has_items = counts.reshape(-1, n_tiers).sum(axis=1) > 0
    liking = shoppers.liking * has_items
    return Shelves(
        items=items,
        weight=np.cumsum(wares.popularity[items]),
        first=first[serving],
        last=(first + counts - 1)[serving],
        liking=liking / liking.sum(axis=1, keepdims=True),
        tier=shoppers.tier,
    )


def _nearest_tier(counts: Ints) -> Ints:
    n_tiers = len(model.TIERS)
    tiers = np.arange(n_tiers)
    distance = np.abs(tiers[:, None] - tiers[None, :])[None, :, :]
    distance = np.where(counts[:, None, :] > 0, distance, n_tiers)
    first_shelf = np.arange(len(model.CATEGORIES))[:, None] * n_tiers
    found: Ints = (first_shelf + distance.argmin(axis=2)).ravel()
    return found


def items_frame(wares: Wares) -> pd.DataFrame:
    """Return the items as a shop lists them."""
    n = len(wares)
    return pd.DataFrame(
        {
            "item_id": spread(numbered("P", n, 4), np.arange(n)),
            "name": pd.Series(item_names(wares), dtype="str"),
            "category": spread(model.CATEGORIES, wares.category),
            "brand": spread(words.BRANDS, wares.brand),
            "price": wares.price / 100.0,
            "cost": wares.cost / 100.0,
        }
    )


def item_names(wares: Wares) -> list[str]:
    """Return each item's name: brand, adjective, noun, and a number where they repeat."""
    parts = zip(
        wares.brand.tolist(),
        wares.adjective.tolist(),
        wares.category.tolist(),
        wares.noun.tolist(),
        strict=True,
    )
    seen: dict[str, int] = {}
    names: list[str] = []
    for brand, adjective, category, noun in parts:
        name = f"{words.BRANDS[brand]} {words.ADJECTIVES[adjective]} {words.NOUNS[category][noun]}"
        seen[name] = seen.get(name, 0) + 1
        names.append(name if seen[name] == 1 else f"{name} No. {seen[name]}")
    return names
