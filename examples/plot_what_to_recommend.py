"""
What should we show each customer?
==================================

Three models, one test, one choice: learn from older orders, hold out the newest
ones, and see whose lists hold what customers bought next.
"""

# %%
# Orders into interactions
# ------------------------
#
# Everything before the cut is there to learn from. What was bought after it is
# looked at once, at the end.

import pandas as pd

import userportrait as up
from userportrait.recommend import AtMostPer, Popularity, split_by_time
from userportrait.report import plot_rankings

shop = up.make_shop(n_customers=3000, random_state=0)
split = split_by_time(shop.orders, share=0.2)
split

# %%
# The table
# ---------
#
# Three models. What is popular is the bar. ``ItemKNN`` shows what goes with
# past items, and ``EASE`` weighs all past items together.

models = {
    "popular": Popularity(),
    "ItemKNN": up.ItemKNN(),
    "EASE": up.EASE(),
}
tables = {}
for name, model in models.items():
    model.fit(split.train)
    tables[name] = up.evaluate_ranking(
        model, split.test, metrics=("recall@10", "ndcg@10", "coverage@10")
    )
figures = pd.concat(tables, names=["model"]).reset_index(level=0)
figures.pivot(index="model", columns="metric", values="value").round(4)

# %%
# The picture
# -----------
#
# Points are means over customers, lines 95 % intervals.

axes = plot_rankings(tables)

# %%
# One customer
# ------------
#
# The list says why each item is there. At most two items of a category come, so
# that the list is not five times the same.

best = models["EASE"]
customer = best.interactions_.customer_ids[7]
names = shop.items.to_pandas().set_index("item_id")
lists = best.recommend(
    [customer], k=5, filters=AtMostPer(2, shop.items, by="category")
)
lists.assign(
    name=names.loc[lists["item_id"], "name"].to_list(),
    category=names.loc[lists["item_id"], "category"].to_list(),
)[["name", "category", "rank", "reason"]]

# %%
# Why the first one? What each past item adds to its score:

best.explain(customer, lists["item_id"][0]).head(5).round(4)

# %%
# What to do next
# ---------------
#
# - Show the lists to one half of the customers and the popular items to the
#   other, and compare what both spend. A list that guesses purchases right need
#   not cause any.
# - Leave out what is not in stock: ``filters=InStock(stock)``.
# - Update with the orders of each day: ``best.update(new_orders)``.
# - For goods that are bought again and again, use ``NextBasket``.
