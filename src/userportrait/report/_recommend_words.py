"""What pages and plots say of recommendations, in English and Chinese."""

from __future__ import annotations

__all__ = ["RECOMMEND_WORDS"]

RECOMMEND_WORDS: dict[str, tuple[str, str]] = {
    # the section of the shop's page
    "section.recommended": ("What is recommended", "推荐了哪些商品"),
    "recommended.intro": (
        (
            "{customers} have a list of up to {k}. Together the lists hold {items} different "
            "items; the ten that are shown most make up {share} of all places."
        ),
        (
            "{customers}获得了最多 {k} 件商品的推荐，共涉及 {items} 种商品；"
            "出现最多的十种占全部推荐位的 {share}。"
        ),
    ),
    "recommended.concentrated": (
        (
            "That is much for ten items: customers with different tastes see much the same. Hold "
            "back popular items, or cap brands and categories."
        ),
        "前十种商品占比过高：口味不同的客户看到的内容几乎一样。可降低热门商品的权重，或限制品牌与品类的数量。",
    ),
    "recommended.popular": (
        (
            "{share} of the places are filled with popular items, because too little is known of "
            "the customer."
        ),
        "{share} 的推荐位由热门商品补足，因为对这些客户了解太少。",
    ),
    "recommended.caption": (
        "Items that are shown most",
        "推荐次数最多的商品",
    ),
    "recommended.item": ("Item", "商品"),
    "recommended.customers": ("Customers", "客户数"),
    "recommended.share": ("Of all customers", "占全部客户"),
    "recommended.first": ("In first place", "排在首位"),
    "recommended.hidden": (
        "Items shown to fewer than {n} customers are left out of the table.",
        "推荐给不足 {n} 位客户的商品不在表中。",
    ),
    "recommended.none": (
        "No item is recommended to {n} customers or more.",
        "没有商品被推荐给 {n} 位或以上的客户。",
    ),
    "recommended.advice": (
        (
            "Show the lists to one half of the customers and something else to the other, and "
            "compare what both spend."
        ),
        "建议先向一半客户展示推荐，另一半展示其他内容，再比较两组的消费。",
    ),
    # a customer's page
    "person.recommended": ("What to show next", "接下来推荐什么"),
    "person.recommended.caption": ("Recommended items, best first", "推荐商品（从优到次）"),
    "person.recommended.rank": ("Rank", "名次"),
    "person.recommended.reason": ("Why", "原因"),
    "person.recommended.because": ("because of {item}", "因为“{item}”"),
    "person.recommended.popular": ("popular", "热门"),
    "person.recommended.none": (
        "There is nothing to recommend to this customer.",
        "没有可推荐给该客户的商品。",
    ),
    # plots
    "plot.rankings": ("Which recommender finds what customers want", "哪种推荐更准"),
    "plot.explanation": ("What each past item adds to the score", "各历史商品对得分的贡献"),
    "plot.explanation.rest": ("{n} other items", "其他 {n} 种商品"),
    "plot.long_tail": ("How evenly items are shown", "推荐在商品间的分布"),
    "plot.long_tail.x": ("share of the items, least shown first", "商品占比（从少到多）"),
    "plot.long_tail.y": ("share of all places", "推荐位占比"),
    "plot.long_tail.recommended": ("recommended", "推荐"),
    "plot.long_tail.bought": ("bought", "购买"),
    "plot.long_tail.even": ("all items alike", "完全平均"),
}
