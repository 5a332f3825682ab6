"""What a scorecard says, in English and Chinese."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from userportrait.experiment._words import Sentence

if TYPE_CHECKING:
    from userportrait.experiment._words import Language

__all__ = ["MEASURES", "SENTENCES", "Measure"]


@dataclass(frozen=True, slots=True)
class Measure:
    """The names of a measure and how its values are written."""

    english: str
    chinese: str
    kind: Literal["share", "return", "number", "count"]
    is_change: bool = True

    def label(self, language: Language) -> str:
        """Return the name."""
        return self.chinese if language == "zh" else self.english

    def write(self, value: float) -> str:
        """Return an arm's value for people."""
        if self.kind == "share":
            return f"{value:.2%}"
        if self.kind == "return":
            return f"{value:,.0%}"
        digits = 0 if self.kind == "count" or abs(value) >= 10_000 else 2
        return f"{value:,.{digits}f}"

    def unit(self, language: Language) -> str:
        """Return what follows a difference: points, for shares."""
        if self.kind != "share":
            return ""
        return " 个百分点" if language == "zh" else " points"

    def write_change(self, value: float) -> str:
        """Return a difference with its sign and without its unit."""
        if self.kind == "share":
            return f"{100 * value:+.2f}"
        text = self.write(value)
        return f"+{text}" if self.is_change and value > 0 else text


MEASURES: dict[str, Measure] = {
    "conversion": Measure("Conversion", "转化率", "share"),
    "average_order_value": Measure("Average order value", "客单价", "number"),
    "retention": Measure("Bought again", "复购留存率", "share"),
    "mean_rating": Measure("Mean rating", "平均评分", "number"),
    "top_box_share": Measure("Top ratings", "好评率", "share"),
    "orders_per_customer": Measure("Orders per customer", "人均订单数", "number"),
    "revenue_per_customer": Measure("Revenue per customer", "人均销售额", "number"),
    "incremental_orders": Measure("Incremental orders", "增量订单", "count"),
    "incremental_revenue": Measure("Incremental revenue", "增量销售额", "number"),
    "incremental_profit": Measure("Incremental profit", "增量利润", "number"),
    "roi": Measure("Return on investment", "投资回报率", "return"),
    "cost_per_incremental_order": Measure(
        "Cost per incremental order", "单个增量订单成本", "number", is_change=False
    ),
}


SENTENCES: dict[str, Sentence] = {
    "title": Sentence(
        "Campaign: {n_treated} customers treated ({treated}) against {n_hold_out} held out "
        "({hold_out})",
        "活动评估：{n_treated} 位触达客户（{treated}），{n_hold_out} 位对照客户（{hold_out}）",
    ),
    "head": Sentence(
        "Measure|Treated|Hold-out|Change|{share} interval|p-value",
        "指标|触达组|对照组|变化|{share} 置信区间|p 值",
    ),
    "unknown": Sentence("not known", "无法估计"),
    "anything": Sentence("any value", "任意取值"),
    "up_to": Sentence("up to {high}", "不高于 {high}"),
    "from": Sentence("from {low} on", "不低于 {low}"),
    "between": Sentence("{low} to {high}", "{low} 至 {high}"),
    "srm": Sentence(
        "The arms do not have their planned sizes (p = {p}, alarm below {alarm}): find out why "
        "before you trust anything here.",
        "两组人数与计划比例不符（p = {p}，警戒线 {alarm}）：查明原因之前，以下结果均不可信。",
    ),
    "running": Sentence(
        "The campaign still runs: orders count up to the newest one.",
        "活动尚未结束：仅统计至最新一笔订单。",
    ),
    "small": Sentence(
        "An arm has fewer than 100 customers: intervals of money are too short where a few "
        "customers spend most of it.",
        "某一组不足 100 位客户：若消费集中于少数客户，金额类区间会偏窄。",
    ),
    "leverage": Sentence(
        "One customer has {share} of the treated arm's revenue: look at the result without "
        "that customer too.",
        "触达组中一位客户贡献了 {share} 的销售额：请同时查看剔除该客户后的结果。",
    ),
    "followed": Sentence(
        "{n} buyers were not observed long enough to tell whether they came back; retention "
        "leaves them out.",
        "{n} 位买家的观察期不足，无法判断是否复购；留存率未计入。",
    ),
    "buyers": Sentence(
        "Order value, retention and ratings compare those who bought or rated. A campaign "
        "changes who they are, so that these figures describe and do not prove.",
        "客单价、留存率与评分只比较下单或评价的客户；活动会改变这些人的构成，因此仅供描述，不作因果证明。",
    ),
    "unbounded": Sentence(
        "{measure} is not bounded by the data: {region}. The campaign may have brought nothing.",
        "{measure}无法由数据界定：{region}。活动可能没有带来任何增量。",
    ),
    "too_few": Sentence(
        "{measure}: too few customers for an interval.", "{measure}：客户过少，无法给出区间。"
    ),
}
