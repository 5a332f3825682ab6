"""What pages and plots say of rules between items, in English and Chinese."""

from __future__ import annotations

__all__ = ["RULE_WORDS"]

RULE_WORDS: dict[str, tuple[str, str]] = {
    # the section of the page
    "section.rules": ("What sells together", "哪些商品一起卖"),
    "rules.intro": (
        (
            "Each row is a rule: who has the items on the left in one order often has those on the "
            "right, too. Show the right ones where the left ones are looked at, to one half of "
            "the visitors first, and compare."
        ),
        (
            "每行是一条规则：同一订单里有左边商品的，往往也有右边商品。可在左边商品的页面推荐右边商品"
            "：先对一半访客试行，再与另一半比较。"
        ),
    ),
    "rules.best": (
        (
            "The strongest: of the orders with {left}, {confidence} also hold {right}; of all "
            "orders, {usual}. That is {lift} as often."
        ),
        (
            "最强的一条：含有“{left}”的订单中，{confidence} 也含有“{right}”；全部订单中为 {usual}。"
            "前者是后者的 {lift}。"
        ),
    ),
    "rules.caption": (
        "Rules, strongest first: how often the right side is in orders with the left side",
        "规则（从强到弱）：含左边商品的订单中，右边商品出现的比例",
    ),
    "rules.left": ("Orders with", "含有的商品"),
    "rules.right": ("also hold", "也含有"),
    "rules.orders": ("Orders with both", "同时含有的订单"),
    "rules.confidence": ("How often", "出现比例"),
    "rules.usual": ("In all orders", "全部订单中"),
    "rules.lift": ("Lift", "提升度"),
    "rules.times": ("{n} times", "{n} 倍"),
    "rules.alt": (
        (
            "For each rule, the share of all orders with the right side beside its share of the "
            "orders with the left side, as two points on a line. The table below holds the same "
            "numbers."
        ),
        (
            "每条规则画出两点：右边商品在全部订单中的比例，与在含左边商品的订单中的比例。"
            "下方表格给出同样的数字。"
        ),
    ),
    "rules.all_orders": ("share of all orders", "占全部订单的比例"),
    "rules.with_left": ("share of the orders with the left side", "占含左边商品订单的比例"),
    "rules.order": (
        (
            "Strongest means: the lower end of the 95% interval of the odds ratio is highest, so "
            "a few lucky orders do not lead. Lift: how many times as often as in all orders."
        ),
        (
            "强弱按优势比 95% 区间的下限排序，少数巧合订单不会排在前面。"
            "提升度：是全部订单中比例的多少倍。"
        ),
    ),
    "rules.rest": ("{shown} of {all} are shown.", "共 {all}，显示 {shown} 条。"),
    "rules.mirrored": (
        "Of a rule and its reverse, the surer one is shown.",
        "一条规则与其反向规则中，只显示更确定的一条。",
    ),
    "rules.hidden": (
        "Not shown: {rules} with fewer than {n} orders behind them.",
        "未显示：{rules}，其订单少于 {n} 笔。",
    ),
    "rules.tested": (
        (
            "Every rule passed a test against chance: adjusted for the number of rules tested, "
            "its p-value is at most {p}."
        ),
        "每条规则都通过了显著性检验：经多重检验校正后的 p 值不超过 {p}。",
    ),
    "rules.untested": (
        (
            "These rules were not tested: some may be chance. Rules.significant keeps those that "
            "are not."
        ),
        "这些规则未经检验，其中一些可能出于偶然。Rules.significant 只保留显著的规则。",
    ),
    "rules.none": (
        (
            "No rule to show: none of the rules given holds items that are bought together more "
            "often than by chance in {n} orders or more."
        ),
        "没有可显示的规则：所给规则中，没有商品在 {n} 笔及以上订单中比偶然更常一起购买。",
    ),
    "rules.stopped": (
        "Mining stopped early: rules are missing.",
        "挖掘提前结束，规则不全。",
    ),
    # plots
    "plot.rules_scatter": ("Rules by support and {measure}", "规则的支持度与{measure}"),
    "plot.rules_matrix": ("What sells together", "哪些商品一起卖"),
    "plot.rules_graph": ("What leads to what", "买了什么，还会买什么"),
    "plot.rules_coordinates": ("From the basket to what is added", "从已选商品到加购商品"),
    "plot.support": ("support: share of orders with both sides", "支持度：同时含有两边的订单比例"),
    "plot.confidence": (
        "confidence: share of the orders with the left side",
        "置信度：占含左边商品订单的比例",
    ),
    "plot.lift": ("lift: times as often as by chance", "提升度：是偶然情况的多少倍"),
    "plot.confidence_name": ("confidence", "置信度"),
    "plot.lift_name": ("lift", "提升度"),
    "plot.under": ("under {high}", "低于 {high}"),
    "plot.between": ("{low} to {high}", "{low} 至 {high}"),
    "plot.from_on": ("{low} or more", "{low} 及以上"),
    "plot.size_support": ("size: support", "大小：支持度"),
    "plot.width_support": ("width: support", "粗细：支持度"),
    "plot.rules_shown": (
        "{shown} of {all} drawn, the strongest by {measure}",
        "共 {all}，按{measure}显示最强的 {shown} 条",
    ),
    "plot.rules_grouped": (
        "similar sides share a row or column; colour and size are medians",
        "相似的一边合并为一行或一列；颜色与大小取中位数",
    ),
    "plot.and_more": ("{name} + {n} more", "{name} 等 {n} 项"),
    "plot.others": ("{n} others", "其余 {n} 项"),
    "plot.odds_ratio_low": ("the odds ratio's lower limit", "优势比下限"),
    "plot.left": ("in the basket", "已在购物篮"),
    "plot.right": ("also bought", "还会购买"),
}
"""By key: English, Chinese."""
