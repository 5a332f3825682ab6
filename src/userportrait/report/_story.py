"""What the numbers say: plain sentences, each made only where its numbers are known."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from userportrait.report._segments import segment_key

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from userportrait.report._facts import CohortTable, Month
    from userportrait.report._figures import Segment, Totals
    from userportrait.report._words import Words

__all__ = ["Finding", "findings"]

FEW = 30
"""With fewer customers the page warns that shares are shaky."""

GIANT = 0.1
"""From this share of the revenue on, the page points at a single customer."""

SLIPPING = frozenset({"at_risk", "cannot_lose_them", "important_keep", "important_win_back"})
"""Segments of customers who spent well and have stopped."""

TEXTS: dict[str, tuple[str, str]] = {
    "few": ("Caution", "提示"),
    "few.text": (
        "{customers} are few: one more or less moves every share on this page.",
        "只有{customers}，多一位或少一位都会明显改变本页的比例。",
    ),
    "few.one": (
        "There is one customer: nothing here can be generalised.",
        "只有一位客户，本页结论不能推广。",
    ),
    "loyalty": ("Loyalty", "复购"),
    "loyalty.none": (
        "No customer has bought twice yet. The second order is the one to work for.",
        "还没有客户复购。当务之急是争取第二单。",
    ),
    "loyalty.all": ("Every customer has bought more than once.", "每位客户都购买过不止一次。"),
    "loyalty.some": (
        "{rate} of customers have bought more than once; they bring {share} of revenue.",
        "{rate} 的客户购买过不止一次，贡献了 {share} 的销售额。",
    ),
    "loyalty.rate": (
        "{rate} of customers have bought more than once.",
        "{rate} 的客户购买过不止一次。",
    ),
    "loyalty.gap": (
        "A typical repeat buyer orders every {days}.",
        "典型的复购客户每 {days}下一单。",
    ),
    "focus": ("Concentration", "集中度"),
    "focus.text": (
        "The 20% of customers who spend most bring {share} of revenue.",
        "消费最高的 20% 客户贡献了 {share} 的销售额。",
    ),
    "focus.high": (
        "A few customers carry the shop: keep them by personal service.",
        "少数客户支撑着店铺：要用专属服务留住他们。",
    ),
    "focus.low": (
        "Revenue is spread widely, so what pays is what reaches many.",
        "销售额分布较均匀，面向大众的举措更有效。",
    ),
    "giant": ("One customer", "单一客户"),
    "giant.text": (
        (
            "A single customer brings {share} of revenue. If that surprises you, look at this "
            "customer's order lines: a slip in a price or a quantity looks just like it."
        ),
        "单个客户贡献了 {share} 的销售额。若感到意外，请核对其订单明细：单价或数量录错就会如此。",
    ),
    "recency": ("Activity", "活跃度"),
    "recency.text": (
        (
            "{n} of {all} customers bought in the last 90 days; half have not bought for more than "
            "{days}."
        ),
        "{all} 位客户中有 {n} 位在近 90 天内购买；有一半客户超过 {days}未购买。",
    ),
    "top": ("Strength", "核心客群"),
    "top.text": (
        "{name} bring the most: {share} of revenue from {n} of customers.",
        "“{name}”贡献最多：以 {n} 的客户带来 {share} 的销售额。",
    ),
    "slipping": ("Danger", "流失风险"),
    "slipping.text": (
        (
            "{customers} who used to spend well have stayed away ({names}). They have brought "
            "{spend} in all, {share} of revenue: start with them when you win customers back."
        ),
        (
            "{customers}曾经消费可观，如今久未购买（{names}）。他们累计贡献 {spend}，占销售额的 {sh"
            "are}：召回客户时先从他们开始。"
        ),
    ),
    "month": ("Last month", "上个月"),
    "month.text": (
        "{month} was the last whole month, with {spend} from {orders}.",
        "最近一个完整月份是{month}，销售额 {spend}，共 {orders}。",
    ),
    "month.year_up": (
        "That is {change} more than in the same month a year before.",
        "比去年同月多 {change}。",
    ),
    "month.year_down": (
        "That is {change} less than in the same month a year before.",
        "比去年同月少 {change}。",
    ),
    "month.before_up": (
        "That is {change} more than the mean of the three months before.",
        "比前三个月的平均多 {change}。",
    ),
    "month.before_down": (
        "That is {change} less than the mean of the three months before.",
        "比前三个月的平均少 {change}。",
    ),
    "month.new": (
        "{share} of its customers bought for the first time.",
        "其中 {share} 的客户是首次购买。",
    ),
    "return": ("Coming back", "回访"),
    "return.text": (
        "Of the customers first seen in a month, {one} buy again in the next month",
        "某月首次出现的客户中，{one} 在下个月再次购买",
    ),
    "return.later": (
        ", and {some} do in the month half a year later.",
        "，半年后的那个月有 {some} 购买。",
    ),
    "return.end": (".", "。"),
}
"""By key: English, Chinese."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One topic and what the numbers say about it."""

    topic: str
    text: str


def findings(
    totals: Totals,
    segments: Sequence[Segment],
    names: Mapping[str, str],
    months: Sequence[Month],
    cohorts: CohortTable | None,
    words: Words,
) -> list[Finding]:
    """Return the findings that the known numbers allow, in the order of reading."""
    teller = _Teller(words)
    found = (
        ("few", teller.few(totals)),
        ("loyalty", teller.loyalty(totals)),
        ("focus", teller.focus(totals)),
        ("giant", teller.giant(totals)),
        ("recency", teller.recency(totals)),
        ("top", teller.top(segments, names)),
        ("slipping", teller.slipping(segments, names)),
        ("month", teller.last_month(months)),
        ("return", teller.coming_back(cohorts) if totals.repeat_rate else ()),
    )
    sentences = [(topic, [part for part in parts if part]) for topic, parts in found]
    joint = "" if words.fmt.language == "zh" else " "
    return [Finding(teller.say(topic), joint.join(parts)) for topic, parts in sentences if parts]


class _Teller:
    def __init__(self, words: Words) -> None:
        self._fmt = words.fmt
        self._words = words

    def say(self, key: str, **values: str) -> str:
        text = TEXTS[key][1 if self._fmt.language == "zh" else 0]
        return text.format(**values) if values else text

    def few(self, totals: Totals) -> Iterator[str]:
        if totals.n_customers == 1:
            yield self.say("few.one")
        elif totals.n_customers < FEW:
            customers = self._fmt.counted(totals.n_customers, "customer")
            yield self.say("few.text", customers=customers)

    def loyalty(self, totals: Totals) -> Iterator[str]:
        rate, share = totals.repeat_rate, totals.repeat_spend_share
        if rate is None:
            return
        if rate == 0:
            yield self.say("loyalty.none")
            return
        if rate == 1:
            yield self.say("loyalty.all")
        elif share is None:
            yield self.say("loyalty.rate", rate=self._fmt.share(rate))
        else:
            yield self.say("loyalty.some", rate=self._fmt.share(rate), share=self._fmt.share(share))
        if totals.median_gap is not None and totals.median_gap >= 1:
            yield self.say("loyalty.gap", days=self._fmt.counted(totals.median_gap, "day"))

    def focus(self, totals: Totals) -> Iterator[str]:
        share = totals.best_fifth_share
        if share is None or totals.n_customers < 5:
            return
        yield self.say("focus.text", share=self._fmt.share(share))
        if share >= 0.7:
            yield self.say("focus.high")
        elif share < 0.45:
            yield self.say("focus.low")

    def giant(self, totals: Totals) -> Iterator[str]:
        share = totals.top_customer_share
        if share is not None and share >= GIANT and totals.n_customers >= FEW:
            yield self.say("giant.text", share=self._fmt.share(share))

    def recency(self, totals: Totals) -> Iterator[str]:
        if totals.median_recency is None or totals.n_recent is None or totals.n_customers < 2:
            return
        yield self.say(
            "recency.text",
            n=self._fmt.count(totals.n_recent),
            all=self._fmt.count(totals.n_customers),
            days=self._fmt.counted(totals.median_recency, "day"),
        )

    def top(self, segments: Sequence[Segment], names: Mapping[str, str]) -> Iterator[str]:
        told = [s for s in segments if s.spend_share == s.spend_share]
        if len(told) < 2:
            return
        best = max(told, key=lambda s: (s.spend, s.label))
        yield self.say(
            "top.text",
            name=names[best.label],
            share=self._fmt.share(best.spend_share),
            n=self._fmt.share(best.customer_share),
        )

    def slipping(self, segments: Sequence[Segment], names: Mapping[str, str]) -> Iterator[str]:
        found = [s for s in segments if segment_key(s.label) in SLIPPING and s.spend > 0]
        n = sum(s.n_customers for s in found)
        spend = sum(s.spend for s in found)
        share = sum(s.spend_share for s in found)
        if n < 2 or len(segments) < 2:
            return
        yield self.say(
            "slipping.text",
            customers=self._fmt.counted(n, "customer"),
            names=self._words.listing([names[s.label] for s in found]),
            spend=self._fmt.money(spend),
            share=self._fmt.share(share),
        )

    def last_month(self, months: Sequence[Month]) -> Iterator[str]:
        whole = [month for month in months if month.is_whole]
        if len(whole) < 2:
            return
        last = whole[-1]
        yield self.say(
            "month.text",
            month=self._fmt.month(last.month),
            spend=self._fmt.money(last.spend),
            orders=self._fmt.counted(last.orders, "order"),
        )
        yield self._compared(whole)
        if last.customers > 0:
            yield self.say("month.new", share=self._fmt.share(last.new_customers / last.customers))

    def _compared(self, whole: Sequence[Month]) -> str:
        # The first month of the data may have begun before the first known order.
        known = whole[1:]
        last = known[-1]
        if len(known) > 12 and known[-13].spend > 0:
            key, before = "month.year", known[-13].spend
        elif len(known) > 3 and sum(m.spend for m in known[-4:-1]) > 0:
            key, before = "month.before", sum(m.spend for m in known[-4:-1]) / 3
        else:
            return ""
        change = last.spend / before - 1
        direction = "up" if change >= 0 else "down"
        return self.say(f"{key}_{direction}", change=self._fmt.change(change))

    def coming_back(self, cohorts: CohortTable | None) -> Iterator[str]:
        one = None if cohorts is None else cohorts.retention_after(1)
        if cohorts is None or one is None:
            return
        later = cohorts.retention_after(6)
        end = (
            self.say("return.end")
            if later is None
            else self.say("return.later", some=self._fmt.share(later))
        )
        yield self.say("return.text", one=self._fmt.share(one)) + end
