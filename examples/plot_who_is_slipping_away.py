"""
Who is slipping away?
=====================

Customers who bought often do not say goodbye. They just stop. Find them while a
letter still helps, and see what sets them apart.
"""

# %%
# An audience
# -----------
#
# The default tag ``is_slipping`` is a rule: among the two fifths with the most
# orders, but among the two fifths who stayed away longest.

import matplotlib.pyplot as plt
import pandas as pd

import userportrait as up

shop = up.make_shop(n_customers=2000, random_state=0)
portraits = up.build_portraits(shop.orders, items=shop.items, as_of="2026-01-01")
slipping = portraits.audience("is_slipping")
slipping

# %%
# The rule in full, for one of them:

customer_id = slipping.customer_ids[0]
portraits[customer_id].explain("is_slipping")

# %%
# The table
# ---------
#
# Whom to call first? Those who spent most, with what they like.

calls = slipping.to_frame(
    ["spend", "n_orders", "recency", "mean_gap", "favourite_category"]
)
calls.sort_values("spend", ascending=False, ignore_index=True).head(10).round(1)

# %%
# ``mean_gap`` is the customer's own rhythm: the mean number of days between two
# visits. Compare it with ``recency`` before you call.
#
# The picture
# -----------
#
# What sets them apart? The target group index (TGI) compares shares: 100 is
# average, 150 is half as much again. Its interval says how sure that is.
#
# Compare twice, though. Whoever buys often has more to send back, whether slipping
# or not. So put all regular customers beside them.

regular = portraits.audience("f >= 4")
names = ["has_returned", "channel", "country"]
groups = {
    "slipping": slipping.profile(names),
    "all regular customers": regular.profile(names),
}

figure, axes = plt.subplots(figsize=(8, 5), layout="constrained")
for shift, (label, profile) in zip((-0.15, 0.15), groups.items(), strict=True):
    places = profile.index + shift
    axes.hlines(
        places,
        profile["ci_low"],
        profile["ci_high"],
        color=f"C{int(shift > 0)}",
        alpha=0.5,
    )
    axes.plot(profile["tgi"], places, "o", color=f"C{int(shift > 0)}", label=label)
axes.axvline(100, color="grey", linewidth=1)
values = groups["slipping"]["tag"] + " = " + groups["slipping"]["value"]
axes.set_yticks(range(len(values)), values)
axes.invert_yaxis()
axes.set_xlabel("TGI, all customers = 100")
axes.legend(frameon=False)
axes.spines[["top", "right"]].set_visible(False)

# %%
# Slipping customers have sent things back far more often than average. But so have
# all who buy often. Where the two intervals overlap, you have learned something
# about regular customers, and nothing about leaving.
#
# Is the rule right?
# ------------------
#
# In your shop nobody knows who has left for good. The sample shop does:

truth = shop.truth.customers.set_index("customer_id")["is_alive"]
pd.DataFrame(
    {
        "customers": [slipping.size, regular.size, len(portraits)],
        "have left": [
            1 - truth.loc[ids].mean()
            for ids in (
                slipping.customer_ids,
                regular.customer_ids,
                portraits.customer_ids,
            )
        ],
    },
    index=["slipping", "all regular customers", "everybody"],
).round(2)

# %%
# What to do next
# ---------------
#
# - Most of these have left already. To write to them earlier, use a stricter rule,
#   such as ``"f >= 4 and recency > mean_gap and recency between 45 and 180"``.
#   :doc:`/audience` has the language.
# - Write to a random half only. The other half tells you whether the letter did
#   anything.
# - Make the rule a tag of your own, so that everybody means the same by it:
#   :ref:`sphx_glr_gallery_plot_own_tags.py`.
#
# The stricter rule, with its size:

portraits.audience("f >= 4 and recency > mean_gap and recency between 45 and 180")
