"""
Whom should the campaign reach?
===============================

A mailing costs money, and many who buy after it would have bought anyway. A test
with a control group says for whom it makes a difference, and what a budget is
worth.
"""

# %%
# A test mailing
# --------------
#
# Half of 30,000 customers got a mailing, drawn at random. It reminds customers of
# the web shop who have not bought for some months; those who buy often are
# annoyed by it. The numbers are made up, so that the truth is known.

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from userportrait.experiment import (
    Uplift,
    check_overlap,
    evaluate_uplift,
    policy_curve,
    policy_value,
    qini,
)

rng = np.random.default_rng(0)
n = 30_000
customers = pd.DataFrame(
    {
        "customer_id": [f"C{number:05d}" for number in range(n)],
        "recency": rng.integers(1, 13, n),
        "orders": 1 + rng.poisson(2, n),
        "channel": rng.choice(["Web", "Phone", "Shop"], n, p=[0.5, 0.3, 0.2]),
    }
)
mailed = rng.integers(0, 2, n)
usual = 0.02 + 0.03 * customers["orders"] * (customers["recency"] < 6)
gain = 0.10 * (customers["channel"] == "Web") * (customers["recency"] >= 6)
gain -= 0.04 * (customers["orders"] > 4)
bought = (rng.random(n) < (usual + gain * mailed).clip(0, 1)).astype(int)

# %%
# Was it drawn at random? The features should not tell who got it.

learned, judged = np.arange(n) < n // 2, np.arange(n) >= n // 2
print(check_overlap(customers, mailed))

# %%
# The table
# ---------
#
# Learn from one half of the customers and judge on the other. ``effect`` is what
# the mailing does on average, ``uplift@0.3`` what it does for the best 30 %. A
# model of who buys is no substitute: it ranks those first who need no reminder.

model = Uplift().fit(customers[learned], bought[learned], mailed[learned])
uplift = model.predict(customers[judged])
found = evaluate_uplift(bought[judged], mailed[judged], uplift)
print(
    "Qini if ranked by who buys:",
    round(qini(bought[judged], mailed[judged], usual[judged]), 3),
)
found.to_frame().round(3)

# %%
# The picture
# -----------
#
# Left: additional buyers by share of customers mailed. Right: is the predicted
# uplift what was observed?

figure, (left, right) = plt.subplots(1, 2, figsize=(11, 4.2), layout="constrained")
found.plot(left)
axes = found.calibration.plot(right)

# %%
# What a budget is worth
# ----------------------
#
# An order earns 25, a mailing costs 1.20. The curve says what mailing the best
# customers earns per customer, measured on the half that the model has not seen.

money = {"value": 25.0, "cost": 1.2}
curve = policy_curve(bought[judged], mailed[judged], uplift, **money)
axes = curve.plot()

# %%
# Mailing those with a predicted profit, beside mailing nobody, everybody or a
# random group of the same size:

rule = 25.0 * uplift > 1.2
worth = policy_value(bought[judged], mailed[judged], rule, **money)
print(worth)
worth.to_frame().round(3)

# %%
# The next mailing has a budget of 3,000.

chosen = model.target(customers, budget=3000.0, **money)
print(chosen)
chosen.to_frame().query("chosen").nsmallest(5, "rank").round(3)

# %%
# What to do next
# ---------------
#
# - Mail the customers in ``chosen.customer_ids``, but keep a tenth of them out,
#   drawn at random: the next test costs little and tells whether the effect is
#   still there.
# - The best predictions are also the luckiest ones. Trust ``policy_value`` on
#   customers apart, not ``expected_profit``.
# - No test, only past mailings? ``Uplift("dr", propensity="model")`` corrects for
#   who was mailed, as far as the features tell, and refuses where nobody can be
#   compared.
# - Several mailings at once: ``Uplift(control="none")`` learns one effect for
#   each.
