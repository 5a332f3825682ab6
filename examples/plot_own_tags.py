"""
How do we add what only our shop needs?
=======================================

The default tags are a start. Your shop has words of its own: "weekend shopper",
"overdue", "ready for the club". Make each of them a tag, with a definition that
everybody can read.
"""

# %%
# Five kinds
# ----------
#
# A *fact* reads a figure, a *rule* decides by other tags, a *statistic* sums up
# order lines, a *preference* finds favourites, a *scored* tag asks any function or
# model. Start from the catalogue of default tags and add.

import matplotlib.pyplot as plt
import pandas as pd

import userportrait as up
from userportrait.tags import (
    Domain,
    PreferenceTag,
    RuleTag,
    ScoredTag,
    StatisticalTag,
)

# %%
# A statistic: the share of orders placed at the weekend, and the largest order.

weekend = StatisticalTag(
    "weekend_share",
    "weekday",
    "share",
    value=("Saturday", "Sunday"),
    per="order",
    zone="Europe/Berlin",
    description="Share of orders placed at the weekend.",
    owner="shop team",
)
largest = StatisticalTag(
    "largest_order",
    "amount",
    "max",
    per="order",
    description="Money of the largest order.",
    owner="shop team",
    unit="EUR",
)

# %%
# A preference with a memory of its own: what did they like this season, the second
# choice included?

second_choice = PreferenceTag(
    "second_category",
    "category",
    rank=2,
    half_life_days=45,
    description="Category with the second highest interest of late.",
    owner="shop team",
)

# %%
# A scored tag takes a function. This one compares the days since the last order
# with the customer's own rhythm: 1 is on time, 3 is three times as late as usual.
# It gets the orders and the moment, and returns one row per customer.


def score_overdue(orders, *, as_of):
    summary = up.summarise_orders(orders, as_of=as_of)
    known = summary[summary["n_days"] >= 3]
    overdue = known["recency"] / known["mean_gap"]
    return pd.DataFrame({"customer_id": known["customer_id"], "overdue": overdue})


overdue = ScoredTag(
    "overdue",
    score_overdue,
    description="Days since the last order, in units of the customer's mean gap.",
    owner="shop team",
    domain=Domain("number", low=0),
)

# %%
# A rule on top of them. Rules may use every other tag, in any order.

club = RuleTag(
    "club_candidate",
    "n_orders >= 4 and largest_order >= 100 and overdue <= 2",
    description="Comes often, has placed a large order, and is not late.",
    owner="shop team",
)

# %%
# The table
# ---------
#
# A catalogue checks its tags against each other: every input must be there, and of
# the right kind.

tags = up.default_tags().add(weekend, largest, second_choice, overdue, club)
tags.to_frame().tail(5)[["name", "kind", "description", "inputs", "definition"]]

# %%
# Build, and see how many customers each new tag is known for:

shop = up.make_shop(n_customers=2000, random_state=0)
portraits = up.build_portraits(
    shop.orders, tags, items=shop.items, as_of="2026-01-01"
)
coverage = portraits.coverage().set_index("tag")
own = [tag.name for tag in tags if tag.owner == "shop team"]
coverage.loc[
    own, ["kind", "n_known", "share_known", "n_distinct", "mean", "max"]
].round(2)

# %%
# The picture
# -----------
#
# How late are the customers of each segment, by their own rhythm?

values = portraits.to_frame(["rfm", "overdue"]).dropna()
labels = list(up.RFM().fit(shop.orders).segment_labels_)
labels = [label for label in labels if (values["rfm"] == label).sum() >= 5]
spread = [values.loc[values["rfm"] == label, "overdue"] for label in labels]

figure, axes = plt.subplots(figsize=(9, 4.2), layout="constrained")
axes.boxplot(spread, showfliers=False, medianprops={"color": "C1"})
axes.set_xticks(range(1, len(labels) + 1), labels, rotation=30, ha="right")
axes.axhline(1, color="grey", linewidth=1)
axes.set_yscale("log")
axes.set_yticks([0.1, 1, 10], ["0.1", "1", "10"])
axes.set_ylabel("overdue (1 = on time)")
axes.spines[["top", "right"]].set_visible(False)

# %%
# Segments say who bought lately. ``overdue`` says who is late for themselves: a
# customer with a rhythm of half a year is not lost after four months.
#
# A tag of your own works wherever a shipped one does, in explanations too:

candidates = portraits.audience("club_candidate and weekend_share >= 0.5")
portraits[candidates.customer_ids[0]].explain("club_candidate")

# %%
# What to do next
# ---------------
#
# - Change a definition with ``tags.replace(...)``. Its version goes up, and every
#   value says which version made it.
# - Give a tag a time to live (``ttl_days``) if it should count as unknown after
#   some days.
# - A fitted model fits into ``ScoredTag`` as well: any object with ``score(orders,
#   as_of=...)``. See :doc:`/tags`.
# - Keep the catalogue in one module of your project, and build every report from
#   it.
