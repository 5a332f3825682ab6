"""
Did the test work?
==================

Half of the customers got an offer, the other half did not, and chance decided
who. See whether the arms are sound, what the offer changed, and what it cost.
"""

# %%
# One row for each customer
# -------------------------
#
# Everybody who was assigned counts, also those who bought nothing. What was
# spent in the year before is no outcome: it makes the comparison sharper.

import pandas as pd

import userportrait as up
from userportrait.experiment import (
    Experiment,
    Mean,
    Proportion,
    campaign_scorecard,
    check_srm,
    decide,
    effects_by_segment,
)

shop = up.make_shop(n_customers=8000, random_state=1)
touches, orders = shop.touches.frame, shop.orders.frame
sent = touches[touches["campaign_id"] == "K01"].set_index("customer_id")
start = sent["touched_at"].iloc[0]
during = orders["ordered_at"].between(start, start + pd.Timedelta(days=28))
earlier = orders["ordered_at"].between(start - pd.Timedelta(days=365), start)

customers = pd.DataFrame(
    {"variant": sent["treatment"].map({True: "offer", False: "none"})}
)
customers["spend"] = orders[during].groupby("customer_id")["amount"].sum()
customers["before"] = orders[earlier].groupby("customer_id")["amount"].sum()
customers = customers.fillna(0.0)
customers.head(3)

# %%
# Are the arms sound?
# -------------------
#
# Before any effect: does each arm have the customers that the plan gives it?

check_srm(customers["variant"].value_counts())

# %%
# The table
# ---------
#
# One metric decides, one explains, one must not get worse by more than a fifth.

returns = orders[during & (orders["amount"] < 0)].groupby("customer_id").size()
returns = returns.reindex(customers.index, fill_value=0)
customers["returned"] = (returns > 0).astype(float)
experiment = Experiment(
    [
        Proportion("spend", above=0, name="bought"),
        Mean("spend", adjust="before", role="secondary"),
        Proportion("returned", role="guardrail", goal="decrease", margin=0.2),
    ],
    control="none",
)
result = experiment.analyze(customers)
result.to_frame()[
    [
        "metric",
        "control_mean",
        "variant_mean",
        "relative_ci_low",
        "relative_ci_high",
        "p_value",
    ]
].round(3)

# %%
# The picture
# -----------

axes = result.plot()

# %%
# The answer
# ----------

print(decide(result, srm=check_srm(customers["variant"].value_counts())))

# %%
# For whom?
# ---------
#
# Customers who had bought in the year before, and the others. That was known
# before the offer. Whether the two differ is asked of their difference.

customers["bought before"] = (customers["before"] > 0).map(
    {True: "yes", False: "no"}
)
segments = effects_by_segment(
    Experiment(Proportion("spend", above=0, name="bought"), control="none"),
    customers,
    "bought before",
    known_before=["bought before"],
)
print(segments)

# %%
# What did it cost?
# -----------------
#
# The same customers in money. Read the intervals before the values.

campaign_scorecard(
    sent.reset_index(),
    shop.orders,
    variant="treatment",
    control=False,
    starts_at=start,
    costs=sent.reset_index(),
    margin=0.3,
    history_days=365,
)

# %%
# What to do next
# ---------------
#
# - Plan the next test before it starts: ``sample_size`` says how many customers
#   a return on investment that can be told from 0 needs.
# - Keep a tenth of the customers without any offer:
#   ``assign(customer_ids, "offers-2026", holdout=0.1)``.
# - Look before the end only with a design that allows it: ``GroupSequential``.
# - Ask whom the offer moves, and send it to them: ``Uplift``.
