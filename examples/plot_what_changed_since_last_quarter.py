"""
What has changed since last quarter?
====================================

Two reports of two dates do not compare by themselves: when limits are learned anew,
customers move because others did. Learn the limits once, apply them to both dates,
and every move is the customer's own.
"""

# %%
# Two dates, one scale
# --------------------
#
# ``fit`` learns the score limits as of 1 October. ``transform`` applies them, to
# that date and to 1 January. Neither table uses an order after its date.

import matplotlib.pyplot as plt
import pandas as pd

import userportrait as up

shop = up.make_shop(n_customers=2000, random_state=0)
rfm = up.RFM().fit(shop.orders, as_of="2025-10-01")
before = rfm.transform(shop.orders, as_of="2025-10-01")
after = rfm.transform(shop.orders, as_of="2026-01-01")
print(f"{len(before)} customers then, {len(after)} now")

# %%
# The table
# ---------
#
# The most frequent moves. Customers who came in between have no segment before.

both = before.merge(
    after, on="customer_id", how="right", suffixes=("_before", "_after")
)
both["segment_before"] = both["segment_before"].fillna("(not yet a customer)")
moves = (
    both.groupby(["segment_before", "segment_after"], as_index=False)
    .agg(customers=("customer_id", "size"), spend=("monetary_after", "sum"))
    .query("segment_before != segment_after")
    .sort_values("customers", ascending=False, ignore_index=True)
)
moves.head(10).round(0)

# %%
# The picture
# -----------
#
# Rows are the segments then, columns the segments now, best first. On the diagonal
# are those who stayed. Right of it, customers got worse; left of it, better.

labels = list(rfm.segment_labels_)
rows = [*labels, "(not yet a customer)"]
counts = pd.crosstab(both["segment_before"], both["segment_after"])
counts = counts.reindex(index=rows, columns=labels, fill_value=0)
shares = counts.div(counts.sum(axis="columns"), axis="index")

figure, axes = plt.subplots(figsize=(9, 7.5), layout="constrained")
axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
for row in range(len(rows)):
    for column in range(len(labels)):
        n = counts.iat[row, column]
        if n:
            colour = "white" if shares.iat[row, column] > 0.5 else "black"
            axes.text(column, row, n, ha="center", va="center", color=colour)
axes.set_xticks(range(len(labels)), labels, rotation=45, ha="right")
axes.set_yticks(range(len(rows)), rows)
axes.set(xlabel="segment on 1 January", ylabel="segment on 1 October")
axes.spines[:].set_visible(False)

# %%
# With limits learned anew
# ------------------------
#
# The same customers on 1 January, scored by limits of their own date. So many of
# them land in another segment, though they did nothing else:

anew = up.RFM().fit_transform(shop.orders, as_of="2026-01-01")
print(
    f"{(anew['segment'] != after['segment']).mean():.0%} of {len(after)} customers"
)

# %%
# What to do next
# ---------------
#
# - Call the largest of those who went from Champions or Loyal to anything worse:

good, still_good = (
    ["Champions", "Loyal"],
    ["Champions", "Loyal", "Potential Loyalist"],
)
lost_ground = both[
    both["segment_before"].isin(good) & ~both["segment_after"].isin(still_good)
]
lost_ground.nlargest(5, "monetary_after")[
    ["customer_id", "segment_before", "segment_after"]
]

# %%
# - Decide on which date you learn limits, such as once a year, and write it down.
# - Put the fitted ``RFM`` into your tag catalogue with ``refit=False``; :doc:`/rfm`
#   shows how. Portraits of all dates then share the scale.
# - October to December is the strong season. Compare with the same quarter of last
#   year before you praise anybody.
