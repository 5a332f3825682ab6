"""
What kinds of customers do we have?
===================================

RFM sorts customers by rules that somebody made. Here the customers sort
themselves: those who buy alike end up in one segment. See how many segments there
are, what sets each apart, and the rule that tells it.
"""

# %%
# One row for each customer
# -------------------------
#
# What is known of everybody, in the units of the shop: orders, their value, when
# the last and the first one was, and what came back. ``customer_id`` is an ID and
# no feature.

import userportrait as up
from userportrait.segment import plot_profiles

shop = up.make_shop(n_customers=3000, random_state=0)
summary = up.summarise_orders(shop.orders, as_of="2026-01-01")
features = summary[
    [
        "customer_id",
        "n_orders",
        "mean_order_value",
        "recency",
        "tenure",
        "n_returns",
    ]
]
features.head(3)

# %%
# How many are there?
# -------------------
#
# Long tails are shortened and all features brought to one scale first. Then each
# number of segments is measured in six ways. A number counts if its segments come
# back in halves of the customers, and if they are further apart than chance would
# put those of one cloud: the band in the first picture.

found = up.CustomerSegments().fit(features)
print(found.choice_)
figure = found.choice_.plot()

# %%
# Customers of a shop seldom fall into kinds with nothing between them, and here
# they are close to that band whatever their number. Then segments are regions of
# one cloud: fine to work with, as long as nobody takes their borders for real. Take
# as many as you can treat differently.

segments = up.CustomerSegments(4).fit(features)
segments.sizes_

# %%
# The table
# ---------
#
# The rule that tells each segment best. Of the customers it takes, `precision` are
# in the segment; of the segment, it finds `recall`.

rules = segments.rules(features)
rules[["segment", "name", "rule", "precision", "recall"]].round(2)

# %%
# The picture
# -----------
#
# Means in the units of the shop. The darker a cell, the further the segment is
# from everybody: blue is more, orange is less.

axes = plot_profiles(segments.profile())

# %%
# A column is a segment. Its darkest cells are what it is about: not seen for long,
# many orders, large baskets. It is the features that were given that make the
# segments: give others, and customers fall apart in another way.
#
# Who is in them?
# ---------------
#
# ``predict`` puts new customers into the same segments.

features.assign(segment=segments.predict(features)).groupby("segment").head(1)

# %%
# What to do next
# ---------------
#
# - Give the segments names of your own. Those that are made say what is high and
#   what is low, not who these people are.
# - Send the whole story to those who decide:
#   ``report.segment_page(segments, features, "segments.html")``.
# - A segment tells who customers are, not what moves them. Try an offer on half of
#   a segment: :ref:`sphx_glr_gallery_plot_did_the_test_work.py`.
# - Keep the fitted segments. Next month, `predict` with the same ones, or customers
#   change their segment because the segments changed.
# - :doc:`/segments` says which method to take when.
