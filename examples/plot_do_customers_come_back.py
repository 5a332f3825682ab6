"""
Do customers come back, and when?
=================================

A second order is worth more than a first one: it costs no advertisement. See how
many customers place it, and when to remind them.
"""

# %%
# Cohorts
# -------
#
# A cohort is the customers whose first purchase is in the same month.
# ``build_portraits`` counts them, and the report shows them.

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

import userportrait as up
from userportrait.report import plot_cohorts

shop = up.make_shop(n_customers=2000, random_state=0)
portraits = up.build_portraits(shop.orders, as_of="2026-01-01")

# %%
# The picture
# -----------
#
# Each row is a cohort, each column a month after the first purchase. A cell is the
# share of the cohort that buys in that month.

axes = plot_cohorts(portraits, last=18)

# %%
# Read it in three ways. Along a row: how fast does a cohort thin out? Down a
# column: do younger cohorts keep as well as older ones? Along a diagonal from the
# lower left to the upper right: was one calendar month good for all, such as
# December?
#
# The table
# ---------
#
# When does the second order come? Take each customer's first two days with a
# purchase.

lines = shop.orders.to_pandas()
days = lines.loc[lines["quantity"] > 0, ["customer_id", "ordered_at"]]
days = days.assign(day=days["ordered_at"].dt.normalize()).drop_duplicates(
    ["customer_id", "day"]
)
days = days.sort_values(["customer_id", "day"])
gap = days.groupby("customer_id")["day"].diff().dt.days
second = gap[days.groupby("customer_id").cumcount() == 1]
n_buyers = days["customer_id"].nunique()

limits = [7, 14, 30, 60, 90, 180, 365]
shares = [float((second <= limit).sum()) / n_buyers for limit in limits]
pd.DataFrame({"within days": limits, "share with a second order": shares}).round(2)

# %%
# The same as a curve. It is steep where the second orders come.

figure, axes = plt.subplots(figsize=(8, 3.5), layout="constrained")
ordered = np.sort(second.to_numpy())
axes.step(ordered, np.arange(1, len(ordered) + 1) / n_buyers, where="post")
axes.set(xlim=(0, 365), ylim=(0, None), xlabel="days after the first order")
axes.set_ylabel("share with a second order")
axes.yaxis.set_major_formatter(lambda share, _: f"{share:.0%}")
axes.spines[["top", "right"]].set_visible(False)

# %%
# The curve is a lower bound. Customers who came last week have not had a year to
# come back.
#
# What to do next
# ---------------
#
# - Send the reminder where the curve starts to flatten. Before that, most come
#   without one; long after, few come at all.
# - Whoever has bought once and is past that day is an audience:

waiting = portraits.audience("is_one_time_buyer and recency between 60 and 120")
waiting

# %%
# - Keep the table. Next quarter, compare the same columns of the new cohorts.
# - :doc:`/features` says how months and cohorts are counted.
