"""
Who are our best customers?
===========================

A few customers bring most of the money. Find them, see how many there are, and see
who might become one of them.

RFM scores everybody by how recently, how often and for how much money they buy.
Combinations of scores have names.
"""

# %%
# Portraits of the shop
# ---------------------
#
# The default tags contain RFM: the scores ``r``, ``f`` and ``m``, and the segment
# ``rfm``.

import userportrait as up
from userportrait.report import plot_rfm_map

shop = up.make_shop(n_customers=2000, random_state=0)
portraits = up.build_portraits(shop.orders, as_of="2026-01-01")
portraits

# %%
# The table
# ---------
#
# One row per segment, the most money first. Compare the two shares: in which
# segments is the share of the spend larger than the share of the customers?

tags = portraits.to_frame(["rfm", "n_orders", "spend"])
segments = tags.groupby("rfm", as_index=False).agg(
    customers=("spend", "size"),
    orders_each=("n_orders", "mean"),
    spend=("spend", "sum"),
)
segments["customer_share"] = segments["customers"] / segments["customers"].sum()
segments["spend_share"] = segments["spend"] / segments["spend"].sum()
segments = segments.sort_values("spend", ascending=False, ignore_index=True)
segments.round(2)

# %%
# The picture
# -----------
#
# The area of a box is the segment's share of customers. Further right is more
# recent, further up is more often. The darker the box, the more one of its
# customers spends.

axes = plot_rfm_map(portraits)

# %%
# A fifth of the customers are Champions, and they bring more than two thirds of the
# money. Those who bought as often, but not lately, are in the boxes on the left: At
# Risk, and Cannot Lose Them.
#
# What to do next
# ---------------
#
# - Do not send Champions discounts. They buy without. Show them new items first,
#   and ask them for reviews.
# - "New Customers" and "Potential Loyalist" are those whom the next order makes
#   loyal. See :ref:`sphx_glr_gallery_plot_do_customers_come_back.py` for when that
#   order comes.
# - Look at those who slip away before they are lost:
#   :ref:`sphx_glr_gallery_plot_who_is_slipping_away.py`.
# - Names of segments hide how scores are made. :doc:`/rfm` lists every code, and
#   the limits of the method.
#
# Save the list:

champions = portraits.audience("rfm = 'Champions'")
champions.to_frame(["spend", "n_orders", "last_order_at"]).head()
