"""
Who will buy again?
===================

A reminder costs money, so it should go to those who are likely to order soon. Learn
from what customers did after earlier dates, judge on the latest one, and spend a
budget on the best.
"""

# %%
# What was known, and what came after
# -----------------------------------
#
# A model may only see what was known on the day it is asked. ``snapshots`` shows
# the orders up to each date to your function, and looks up who ordered in the 90
# days after it. Orders count up to 20, so that a few bulk buyers do not lead.

import pandas as pd

import userportrait as up
from userportrait.predict import propensity_readout

shop = up.make_shop(n_customers=3000, random_state=0)


def known(past, as_of):
    lines = past.to_pandas()
    lines = lines[lines["amount"] > 0].sort_values("ordered_at")
    of_each = lines.groupby("customer_id")
    last = of_each.last()
    features = pd.DataFrame(
        {
            "recency": (as_of - last["ordered_at"]).dt.days,
            "tenure": (as_of - of_each["ordered_at"].min()).dt.days,
            "orders": of_each["order_id"].nunique().clip(upper=20),
            "order_value": of_each["amount"].sum() / of_each["order_id"].nunique(),
            "last_channel": last["channel"],
            "country": last["country"],
        }
    )
    return features.reset_index()


dates = ["2024-10-01", "2025-01-01", "2025-04-01", "2025-07-01", "2025-10-01"]
frame = up.snapshots(shop.orders, known, "bought", dates, horizon=90)
frame.sample(3, random_state=1)

# %%
# The table
# ---------
#
# One call chooses the columns step by step, fits, and judges on the latest date,
# which neither the search nor the fit has seen. The gap keeps out rows whose 90
# days were not over by then. ``refit`` fits all rows in the end, for a list of
# today's customers.

X = frame.drop(columns=["customer_id", "target"])
found = propensity_readout(X, frame["target"], moments="as_of", gap=90, refit=True)
found.effects.drop(columns=["is_reference", "n_rows"]).round(3)

# %%
# An odds ratio above 1 speaks for an order, below 1 against it; that of a number is
# for ``step`` more. All of the read-out, as text:

print(found)

# %%
# The picture
# -----------
#
# Above: how well customers are told apart, and how many of those who ordered are
# among the best. Below: the lift of each tenth, and whether the chances are right.
# Most points are above the line: in the last quarter of the year more customers
# order than in the others. A hold-out drawn at random would not have shown that.

figure = found.plot()

# %%
# Whom a budget reaches
# ---------------------
#
# An order earns 15, a reminder costs 1, and there is money for 300 of them. On the
# date held out it is known who ordered, so the list can be checked.

held = frame.iloc[found.holdout_rows]
chance = found.model.predict_proba(held[found.model.feature_names_in_])[:, 1]
targets = up.choose_targets(
    held["customer_id"], chance, value=15.0, cost=1.0, budget=300
)
print(targets)

did = held.set_index("customer_id")["target"]
pd.Series(
    {
        "expected orders": targets.expected_responses,
        "orders": did[targets.customers["customer_id"]].sum(),
        "orders of 300 drawn at random": 300 * did.mean(),
    }
).round(1)

# %%
# The list for today: the model of all snapshots, and the orders up to today shown
# to the same function.

today = known(shop.orders, pd.Timestamp("2026-01-01"))
final = found.final_model
chance = final.predict_proba(today[final.feature_names_in_])[:, 1]
targets = up.choose_targets(
    today["customer_id"], chance, value=15.0, cost=1.0, budget=300
)
targets.to_frame().head().round(2)

# %%
# What to do next
# ---------------
#
# - Write the page for your colleagues: ``propensity_page(found, "model.html")`` of
#   ``userportrait.report``, in English or Chinese.
# - Many of the best would have ordered without a reminder. Keep a random tenth of
#   the list out, and learn whom the reminder moves:
#   :ref:`sphx_glr_gallery_plot_whom_should_the_campaign_reach.py`.
# - Try another model: ``propensity_readout(..., model=...)`` takes any classifier
#   of scikit-learn.
# - Look again next quarter: ``population_stability`` says whether customers have
#   changed since.
