"""
Where do customers stop on the way to a purchase?
=================================================

Many look, some put into the cart, few buy. See at which step which customers stop,
and who is worth a reminder.
"""

# %%
# The way of all customers
# ------------------------
#
# A pair is one customer and one item. It reaches the next step on the same day or
# later. A state of the events answers for every day, so the same month last year is
# one more question, not one more pass over the log.

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

import userportrait as up

shop = up.make_shop(n_customers=2000, random_state=0)
state = up.BehaviourSummary().update(shop.events)
as_of = "2026-01-01"
funnel = state.funnel(as_of)
funnel.round(3)

# %%
# Nearly everything that gets into the cart is bought. The step that loses is the
# one before: from looking to the cart.
#
# The table
# ---------
#
# The same for each customer. Compare visitors of one device with those of another:
# is the way to the cart harder on a small screen?

customers = state.finalize(as_of)
groups = customers.groupby("favourite_device")
by_device = pd.DataFrame(
    {
        "customers": groups.size(),
        "viewed": groups["funnel_view"].sum(),
        "in the cart": groups["funnel_cart"].sum(),
        "bought": groups["funnel_purchase"].sum(),
        "minutes per visit": groups["session_minutes"].mean(),
    }
)
by_device["cart share"] = by_device["in the cart"] / by_device["viewed"]
by_device["purchase share"] = by_device["bought"] / by_device["in the cart"]
by_device.round(3)

# %%
# Shares of sums, not means of shares: a customer who looked at one item must not
# count as much as one who looked at fifty.
#
# The picture
# -----------
#
# Does it get better with experience? Put customers into groups of about equal size,
# by how often they have come, and look at what became of the items they viewed.

visits = customers["n_sessions"]
limits = np.quantile(visits, [0, 0.2, 0.4, 0.6, 0.8, 1], method="lower")
limits = np.unique(limits)
lows = limits[:-1] + 1
lows[0] -= 1
names = [f"{low} to {high}" for low, high in zip(lows, limits[1:], strict=True)]
group = pd.cut(visits, limits, labels=names, include_lowest=True)
steps = ["funnel_view", "funnel_cart", "funnel_purchase"]
sums = customers.groupby(group, observed=True)[steps].sum()
parts = pd.DataFrame(
    {
        "bought": sums["funnel_purchase"],
        "left in the cart": sums["funnel_cart"] - sums["funnel_purchase"],
        "only viewed": sums["funnel_view"] - sums["funnel_cart"],
    }
).div(sums["funnel_view"], axis=0)

figure, axes = plt.subplots(figsize=(8, 3.5), layout="constrained")
left = np.zeros(len(parts))
for part, shade in zip(parts.columns, ("0.2", "0.5", "0.85"), strict=True):
    axes.barh(parts.index, parts[part], left=left, label=part, color=shade)
    left += parts[part].to_numpy()
axes.set(xlim=(0, 1), xlabel="share of the items viewed", ylabel="visits so far")
axes.xaxis.set_major_formatter(lambda share, _: f"{share:.0%}")
axes.legend(ncols=3, loc="lower center", bbox_to_anchor=(0.5, 1), frameon=False)
axes.spines[["top", "right"]].set_visible(False)

# %%
# Few visits and many: both buy much of what they view. Those in between look
# around. They know the shop, and are not regular customers yet.
#
# What to do next
# ---------------
#
# - Remind those who put something into the cart within the last month and have not
#   bought since:

left_in_cart = customers[
    (customers["recency_cart"] <= 30)
    & ~(customers["recency_purchase"] <= customers["recency_cart"])
]
left_in_cart[
    ["customer_id", "recency_cart", "recency_purchase", "preferred_hour"]
].head()

# %%
# - Send it at their hour: ``preferred_hour`` is when they are there. With
#   ``zone="Asia/Shanghai"`` it is the hour on their clocks.
# - Show them what they like. A preference fades with time, and what few others like
#   weighs more:

likes = up.PreferenceSummary("category", items=shop.items).update(shop.events)
best = likes.finalize(as_of, top=1)
best[best["customer_id"].isin(left_in_cart["customer_id"])].head().round(2)

# %%
# - Fold in tomorrow's events with ``state.update(batch, batch_id=...)``, and look
#   at the cart share again in a month. :doc:`/behaviour` defines each column.
