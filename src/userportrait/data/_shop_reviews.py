"""The sample shop's reviews: stars and short texts that tell of returns and of leaving."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from userportrait.data import _shop_words as words
from userportrait.data._shop_people import CHINA
from userportrait.data._shop_tools import DAY, NEVER, Ints, as_times, spread

if TYPE_CHECKING:
    from userportrait.data._shop_plan import Plan

__all__ = ["reviews_frame"]

_SHARE = 0.12
_USUAL_STARS = 4.1
_SPREAD = 0.85
_RETURNED = -1.7
_LEAVING = -0.9
_LEAVING_DAYS = 60


def reviews_frame(plan: Plan) -> pd.DataFrame:
    """Return reviews with canonical names, by time; always at least one.

    Stars come from the item's quality, less 1.7 if the line went back and less 0.9 if the
    customer leaves within 60 days, plus normal noise, rounded to 1 to 5.
    """
    rng = plan.stream("reviews")
    lines = plan.lines
    order_at = plan.at[lines.order]
    days = 1.0 + 4.0 * rng.standard_gamma(2.0, len(lines))
    at = order_at + np.floor(days * DAY).astype(np.int64)
    written = (rng.random(len(lines)) < _SHARE) & (at <= plan.clock.end)
    line = np.flatnonzero(written) if written.any() else np.zeros(1, dtype=np.int64)
    line = line[np.argsort(at[line], kind="stable")]
    item, customer = lines.item[line], plan.customer[lines.order[line]]
    stars = _stars(plan, line, rng)
    return pd.DataFrame(
        {
            "item_id": spread(plan.item_ids, item),
            "reviewed_at": as_times(np.minimum(at[line], plan.clock.end)),
            "customer_id": spread(plan.customer_ids, customer),
            "rating": stars,
            "text": spread(_texts(), _text_codes(plan, item, customer, stars, rng)),
        }
    )


def _stars(plan: Plan, line: Ints, rng: np.random.Generator) -> Ints:
    returned = np.zeros(len(plan.lines), dtype=np.bool_)
    returned[plan.returns.line] = True
    order = plan.lines.order[line]
    dropout = plan.shoppers.dropout[plan.customer[order]]
    leaves = (dropout != NEVER) & (dropout - plan.at[order] < _LEAVING_DAYS * DAY)
    mean = _USUAL_STARS + plan.wares.quality[plan.lines.item[line]]
    mean = mean + _RETURNED * returned[line] + _LEAVING * leaves
    stars = np.rint(mean + rng.normal(0.0, _SPREAD, size=len(line)))
    found: Ints = np.clip(stars, 1, 5).astype(np.int64)
    return found


def _texts() -> list[str]:
    """All reviews: by language, stars, wording and product."""
    languages = ((words.REVIEWS, words.NOUNS), (words.CHINESE_REVIEWS, words.CHINESE_NOUNS))
    return [
        wording.format(item=noun)
        for reviews, products in languages
        for wordings in reviews
        for wording in wordings
        for nouns in products
        for noun in nouns
    ]


def _text_codes(
    plan: Plan, item: Ints, customer: Ints, stars: Ints, rng: np.random.Generator
) -> Ints:
    n_nouns, n_wordings = len(words.NOUNS[0]), len(words.REVIEWS[0])
    n_products = len(words.NOUNS) * n_nouns
    chinese = (plan.people.country[customer] == CHINA).astype(np.int64)
    wording = rng.integers(0, n_wordings, size=len(item))
    row = (chinese * len(words.REVIEWS) + stars - 1) * n_wordings + wording
    found: Ints = row * n_products + plan.wares.category[item] * n_nouns + plan.wares.noun[item]
    return found
