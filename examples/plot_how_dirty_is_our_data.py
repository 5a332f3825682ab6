"""
How dirty is our data?
======================

Every figure rests on order lines that somebody exported. Before you trust a figure,
see what was wrong with the lines, and what the faults would have cost.
"""

# %%
# The export
# ----------
#
# The sample shop has an export as shops have it: names of its own, texts for dates,
# and faults.

import matplotlib.pyplot as plt
import pandas as pd

import userportrait as up
from userportrait.data import guess_roles

shop = up.make_shop(n_customers=2000, random_state=0)
raw = shop.raw_orders
raw.head()

# %%
# Which column is which? ``guess_roles`` says what it thinks, and why.

guess = guess_roles(raw)
guess

# %%
# The table
# ---------
#
# ``clean_orders`` gives the orders and an account of every row. Rows in are rows
# kept plus rows removed.

orders, cleaning = up.clean_orders(raw, **guess.columns, now="2026-01-01")
cleaning

# %%
# Look before you believe. Every removed or flagged row can be read back:

cleaning.flagged_rows("outlier")[["Order ID", "SKU", "Qty", "Unit price"]]

# %%
# The picture
# -----------
#
# Which faults are many, and which are expensive? Sum the money of the rows, by
# reason.

removed = cleaning.removed_rows()
money = (
    (removed["Qty"] * removed["Unit price"]).abs().groupby(removed["reason"]).sum()
)
faults = pd.DataFrame({"rows": cleaning.removed, "money": money})
flagged = cleaning.flagged_rows("outlier")
faults.loc["outlier (kept)"] = [
    len(flagged),
    (flagged["Qty"] * flagged["Unit price"]).sum(),
]
faults = faults.sort_values("rows")

figure, (left, right) = plt.subplots(
    1, 2, figsize=(9, 3.8), sharey=True, layout="constrained"
)
left.barh(faults.index, faults["rows"])
left.set_xlabel("rows")
right.barh(faults.index, faults["money"], color="C1")
right.set_xlabel("money in these rows, thousand EUR")
right.xaxis.set_major_formatter(lambda value, _: f"{value / 1000:,.0f}")
for axes in (left, right):
    axes.spines[["top", "right"]].set_visible(False)

# %%
# One line outweighs all others together: a quantity typed wrong. It is flagged, not
# removed, because a shop may well sell 80,000 of something. Only you know. The
# effect on the revenue:

careful, _ = up.clean_orders(
    raw, **guess.columns, now="2026-01-01", outliers="remove"
)
with_outlier = orders.to_pandas()["amount"].sum()
without = careful.to_pandas()["amount"].sum()
print(f"revenue with it {with_outlier:,.0f}, without it {without:,.0f}")

# %%
# Was anything missed?
# --------------------
#
# The sample shop knows its own faults. Compare: what was put in, what was found.

found = {**cleaning.removed, **cleaning.flagged}
put_in = shop.truth.faults
pd.DataFrame(
    [
        ("duplicate", put_in["duplicate"], found["duplicate"]),
        ("no customer", put_in["missing_customer"], found["missing_customer_id"]),
        ("time in the future", put_in["future_date"], found["future_time"]),
        (
            "not an item",
            put_in["test_code"] + put_in["postage_code"],
            found["non_product"],
        ),
        ("price 0", put_in["zero_price"], found["zero_price"]),
        ("outlier", put_in["outlier"], found["outlier"]),
    ],
    columns=["fault", "put in", "found"],
)

# %%
# What to do next
# ---------------
#
# - Rows without a customer are the largest loss. Ask the till or the web shop why,
#   before you ask the statistician.
# - Decide on outliers once, note the decision, and give it as ``outliers=``.
# - Give the report to ``build_portraits(..., cleaning=cleaning)``; the shop's page
#   then shows the account.
# - :doc:`/data` describes every reason and every option.
