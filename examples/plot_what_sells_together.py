"""
What sells together?
====================

Some items are bought in one order far more often than chance would have it. Find
them, keep what is not luck, and see what to put beside what.
"""

# %%
# Orders into baskets
# -------------------
#
# Clean the export of the shop first: a line that stands twice, or a return,
# would make baskets that nobody bought.

import pandas as pd

import userportrait as up
from userportrait.report import (
    plot_rule_coordinates,
    plot_rule_graph,
    plot_rule_matrix,
    plot_rule_scatter,
)

shop = up.make_shop(n_customers=4000, random_state=0)
columns = up.guess_roles(shop.raw_orders).columns
orders, cleaning = up.clean_orders(shop.raw_orders, **columns, now="2026-01-01")
baskets = up.Baskets.from_orders(orders)
baskets

# %%
# Baskets into rules
# ------------------
#
# An itemset is a set of items that stand together in enough baskets. A rule
# splits it: who has the left side, has the right side too, so often
# (*confidence*), and so many times as often as among all baskets (*lift*).
#
# Of many rules some look good by luck. ``significant`` tests each with Fisher's
# exact test, adjusted for every rule that could have been made; ``prune`` drops
# those that say no more than a shorter one.

itemsets = up.mine_itemsets(baskets, min_support=0.0005)
candidates = up.derive_rules(itemsets, min_confidence=0.02)
rules = candidates.significant(alpha=0.01).prune()
for step in rules.steps:
    print(step)

# %%
# The table
# ---------
#
# The lower end of the odds ratio's interval puts first what is strong *and*
# sure. A lift of 80 in 14 orders need not come before a lift of 50 in 128.

names = shop.items.to_pandas().set_index("item_id")["name"].to_dict()
table = rules.sort_by("odds_ratio_low").to_frame(
    ["count", "confidence", "lift", "odds_ratio_low", "adjusted_p_value"]
)
for side in ("antecedent", "consequent"):
    table[side] = [
        ", ".join(names[item] for item in items) for items in table[side]
    ]
table.head(8).round(2)

# %%
# The sample shop has pairs that were planted. How many were found?

pairs = shop.truth.bundles[["item_a", "item_b"]].itertuples(index=False)
planted = {frozenset(pair) for pair in pairs}
sides = rules.to_frame([]).itertuples(index=False)
found = {frozenset((*left, *right)) for left, right in sides}
pd.Series(
    {
        "rules": len(rules),
        "planted pairs": len(planted),
        "planted pairs found": len(planted & found),
    },
    name="n",
).to_frame()

# %%
# All of them. The other rules are real, too: customers have favourite
# categories, so items of one category meet more often than items of two.
#
# The picture
# -----------
#
# On the right: many orders. On top: often true. Dark: far from chance. The
# planted pairs stand apart from all others.

axes = plot_rule_scatter(rules, labels=names)

# %%
# What leads to what
# ------------------
#
# The strongest rules as a graph. Arrows with two heads hold in both directions;
# a point joins the items of a rule that needs more than one.

axes = plot_rule_graph(rules, labels=names, max_rules=24)

# %%
# As a table of points
# --------------------
#
# Down what is in the basket, across what is added. Sides that lead to the same
# share a row.

axes = plot_rule_matrix(rules, labels=names, max_rules=60, max_groups=14)

# %%
# As paths
# --------
#
# From the left to the right: what is in the basket, then what is added. A path
# with three stations is a rule of three items.

axes = plot_rule_coordinates(rules, labels=names, max_rules=16)

# %%
# What to do next
# ---------------
#
# - Put the right side on the page of the left one, for one half of the
#   visitors. Compare what both halves spend: a rule says what goes together,
#   not what an offer changes.
# - Do not discount both items of a pair that sells together anyway.
# - Give the rules to the shop's report, where they become a page for everybody:
#   ``up.report(portraits, "shop.html", rules=rules, item_labels=names)``.
# - Ask for the other direction: :doc:`/report` has the options of the plots,
#   and ``alternative="less"`` finds what is bought *instead* of each other.
