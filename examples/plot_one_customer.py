"""
What do we know about this customer?
====================================

Somebody calls. In a second you want to see who it is: since when, how often, how
much, what they like, and why the system calls them what it does.
"""

# %%
# One portrait
# ------------
#
# Build the portraits once, with all tables you have. Then a customer is one look-up
# away.

import matplotlib.pyplot as plt

import userportrait as up

shop = up.make_shop(n_customers=2000, random_state=0)
portraits = up.build_portraits(
    shop.orders,
    customers=shop.customers,
    items=shop.items,
    events=shop.events,
    as_of="2026-01-01",
)
customer_id = portraits.audience("is_slipping and n_returns >= 2").customer_ids[0]
portrait = portraits[customer_id]

# %%
# The table
# ---------
#
# In a notebook, the portrait shows itself: every tag, its value, what it means.

portrait

# %%
# ``portrait.tags`` is a mapping, for programs:

{
    name: portrait.tags[name]
    for name in ("rfm", "n_orders", "spend", "favourite_category")
}

# %%
# Why?
# ----
#
# Every value can say where it comes from. A rule shows its conditions and what this
# customer has for each:

portrait.explain("activity")

# %%
# Unknown is not no
# -----------------
#
# ``None`` says that a tag is unknown, such as the gaps of a customer with one
# order. An expression treats it as unknown too: neither ``mean_gap > 30`` nor ``not
# mean_gap > 30`` selects such a customer.

unknown = portraits.audience("mean_gap is missing")
print(f"{unknown.size} of {len(portraits)} customers have no gap")

# %%
# The picture
# -----------
#
# Orders and returns of this customer over time. Tags are sums of this; look at it
# when a sum surprises you.

lines = shop.orders.to_pandas()
own = lines[lines["customer_id"] == customer_id]
orders = own.groupby("order_id", as_index=False).agg(
    at=("ordered_at", "min"), amount=("amount", "sum")
)
bought, back = orders[orders["amount"] > 0], orders[orders["amount"] < 0]

figure, axes = plt.subplots(figsize=(9, 3.6), layout="constrained")
axes.bar(bought["at"], bought["amount"], width=6, label="order")
axes.bar(back["at"], back["amount"], width=6, color="C1", label="return")
axes.axhline(0, color="grey", linewidth=0.8)
axes.axvline(portraits.as_of, color="grey", linestyle="--", linewidth=1)
axes.annotate("as_of", (portraits.as_of, axes.get_ylim()[1]), ha="right", va="top")
axes.set_ylabel("EUR")
axes.legend(frameon=False, loc="upper left")
axes.spines[["top", "right"]].set_visible(False)

# %%
# What to do next
# ---------------
#
# - Keep the portraits in a file, and let the telephone system read one at a time:
#   ``up.SQLiteStore("shop.db").read_profile(customer_id)``. See :doc:`/stores`.
# - Somebody asks you to erase them? ``portraits.forget([customer_id])``. See
#   :doc:`/portraits`.
# - Something missing? :ref:`sphx_glr_gallery_plot_own_tags.py`.
