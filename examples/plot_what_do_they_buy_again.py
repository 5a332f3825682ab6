"""
What will be in the next basket?
================================

Some goods are bought once, others again and again. See how much of a basket is
habit, and fill the next one: what the customer buys anyway, and what is new.
"""

# %%
# How much is habit
# -----------------
#
# Of what customers bought in their last order, how much had they bought before?
# Where little is, recommend new items. Where much is, remind.

import pandas as pd

import userportrait as up
from userportrait.recommend import NotBoughtWithin, split_last
from userportrait.report import plot_rankings

shop = up.make_shop(n_customers=3000, random_state=1)
split = split_last(shop.orders)
pairs = ["customer_id", "item_id"]
before = split.train.to_pandas()[pairs].drop_duplicates()
last = split.test.to_pandas()[pairs].drop_duplicates()
known = last.merge(before, on=pairs, how="left", indicator=True)["_merge"]
print(f"{(known == 'both').mean():.0%} of the last baskets was bought before")

# %%
# The table
# ---------
#
# Two kinds of lists: ``NextBasket`` counts habits, weighs late ones more, and
# asks similar customers. ``MarkovNext`` looks at what follows the last baskets.
# Both may name items that were bought before.

models = {
    "popular": up.Popularity(),
    "NextBasket": up.NextBasket(),
    "MarkovNext": up.MarkovNext(),
}
tables = {}
for name, model in models.items():
    lists = model.fit(split.train).recommend(k=10, filter_seen=False)
    tables[name] = up.evaluate_ranking(
        lists, split.test, metrics=("recall@10", "ndcg@10", "hit_rate@10")
    )
figures = pd.concat(tables, names=["model"]).reset_index(level=0)
figures.pivot(index="model", columns="metric", values="value").round(3)

# %%
# The picture
# -----------

axes = plot_rankings(tables)

# %%
# One customer's next basket
# --------------------------
#
# What was bought in the last fourteen days is at home still. It stays out.

basket = models["NextBasket"]
customer = basket.interactions_.customer_ids[12]
basket.recommend([customer], k=5, filters=NotBoughtWithin(days=14))

# %%
# What to do next
# ---------------
#
# - Remind of habits when they are due: ``mean_gap`` of a customer's summary says
#   when.
# - Keep one place of five for something new: ``filter_seen=True`` gives the
#   next new items.
# - Measure both parts apart. A model that only repeats looks good where much is
#   habit, and sells nothing new.
