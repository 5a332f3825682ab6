"""What the pages say, in English and Chinese."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from userportrait.report._recommend_words import RECOMMEND_WORDS
from userportrait.report._rules_words import RULE_WORDS

if TYPE_CHECKING:
    from userportrait.report._format import Formatter

__all__ = ["GLOSSARY", "WORDS", "Words"]

WORDS: dict[str, tuple[str, str]] = {
    # the frame of the page
    "page.kind": ("Customer report", "客户报告"),
    "page.title": ("The shop's customers", "店铺客户画像"),
    "page.as_of": ("As of {date}", "截至 {date}"),
    "page.orders_between": ("orders from {first} to {last}", "订单时间 {first} 至 {last}"),
    "page.contents": ("Contents", "目录"),
    "page.numbers": ("Show the numbers", "查看数据表"),
    "page.made_by": (
        "Made by userportrait. The page holds no customer's ID and needs no network.",
        "由 userportrait 生成。本页不含任何客户编号，也无需联网。",
    ),
    "page.other": ("Other", "其他"),
    # headline figures
    "tile.customers": ("Customers", "客户数"),
    "tile.customers.recent": ("{n} bought in the last 90 days", "{n} 位在近 90 天内购买"),
    "tile.customers.others": ("and {n} without an order", "另有 {n} 位尚未下单"),
    "tile.orders": ("Orders", "订单数"),
    "tile.orders.note": ("{n} per customer", "人均 {n} 单"),
    "tile.revenue": ("Revenue", "销售额"),
    "tile.revenue.refunds": ("after {money} of refunds", "已扣除退款 {money}"),
    "tile.revenue.note": ("{money} per customer", "人均 {money}"),
    "tile.repeat": ("Repeat rate", "复购率"),
    "tile.repeat.note": ("{n} customers ordered twice or more", "{n} 位客户下单两次及以上"),
    "tile.order_value": ("Mean order value", "客单价"),
    "tile.order_value.note": ("revenue divided by orders", "销售额 ÷ 订单数"),
    "tile.best_fifth": ("The best 20% bring", "前 20% 客户贡献"),
    "tile.best_fifth.note": ("of revenue", "占销售额"),
    # sections
    "section.story": ("What the numbers say", "数据说明了什么"),
    "section.map": ("Map of your customers", "客户地图"),
    "section.segments": ("Segments", "客户分群"),
    "section.actions": ("What to do next", "下一步行动"),
    "section.grid": ("Recency and frequency", "最近购买与购买频次"),
    "section.months": ("Month by month", "逐月走势"),
    "section.cohorts": ("Do new customers come back?", "新客会回来吗？"),
    "section.spend": ("Who brings the revenue", "谁贡献了销售额"),
    "section.customer-segments": ("Customer segments", "客户分群（按特征）"),
    "section.propensity": ("Who will do it", "谁会响应"),
    "section.tags": ("What is known of the customers", "掌握了哪些客户信息"),
    "section.cleaning": ("Where the rows went", "数据清洗明细"),
    "section.method": ("How to read this page", "阅读说明"),
    # the map
    "map.intro": (
        (
            "Each box is a segment. Its size is its share of customers: the bigger, the more "
            "people. Boxes on the right bought recently, boxes on top buy often. The stronger its "
            "colour, the more one of its customers has spent."
        ),
        (
            "每个方块是一个客户分群，面积代表客户占比。越靠右，最近购买越近；越靠上，购买越频繁；"
            "颜色越强，人均消费越高。"
        ),
    ),
    "map.alt": (
        (
            "Map of segments: area is the share of customers, right is recent, up is often, a "
            "strong colour is high spend per customer. The table of segments below holds the "
            "same numbers."
        ),
        (
            "分群地图：面积为客户占比，右侧为最近购买，上方为购买频繁，颜色强为人均消费高。"
            "下方分群表给出同样的数字。"
        ),
    ),
    "map.often": ("seldom → often", "购买少 → 购买多"),
    "map.long_ago": ("Bought long ago", "很久以前购买"),
    "map.a_while": ("A while ago", "前段时间购买"),
    "map.recent": ("Recently", "最近购买"),
    "map.of_customers": ("{share} of customers", "客户占 {share}"),
    "map.of_spend": ("{share} of revenue", "销售占 {share}"),
    "map.shade": ("Spend per customer against the shop's mean", "人均消费与全店平均之比"),
    "map.shade0": ("under ¼", "不足 ¼"),
    "map.shade1": ("¼ to ½", "¼ 至 ½"),
    "map.shade2": ("½ to 0.8", "½ 至 0.8"),
    "map.shade3": ("about the mean", "接近平均"),
    "map.shade4": ("1.25 to 2 times", "1.25 至 2 倍"),
    "map.shade5": ("2 to 4 times", "2 至 4 倍"),
    "map.shade6": ("over 4 times", "4 倍以上"),
    "map.small": (
        "Too small to be named: {names}.",
        "面积过小、未能标出名称的分群：{names}。",
    ),
    # the table of segments
    "segments.caption": (
        "Segments, best first, with their shares of customers and revenue",
        "客户分群（从高到低）及其客户占比与销售占比",
    ),
    "segments.segment": ("Segment", "分群"),
    "segments.customers": ("Customers", "客户数"),
    "segments.revenue": ("Revenue", "销售额"),
    "segments.recency": ("Days since order (median)", "距上次购买天数（中位数）"),
    "segments.orders": ("Orders (median)", "订单数（中位数）"),
    "segments.order_value": ("Mean order value", "客单价"),
    "segments.spend": ("Revenue per customer", "人均销售额"),
    "segments.without": (
        "{customers} have no segment, because they have not bought yet.",
        "{customers}尚未购买，未归入任何分群。",
    ),
    "segments.returns": (
        "Of {customers} among these only returns are known, no order.",
        "其中{customers}没有已知订单，只有退货。",
    ),
    "segments.all": ("All customers", "全部客户"),
    # actions
    "actions.intro": (
        (
            "Largest revenue first. Suggestions follow from what each segment did, not from an "
            "experiment: try them on one half of a segment and compare with the other half."
        ),
        (
            "按销售额从大到小排列。建议依据各分群的购买行为得出，并非实验结论：可先在一半客户中试行"
            "，再与另一半比较。"
        ),
    ),
    "actions.figures": (
        "{customers} · {share} of revenue · half bought within {days}",
        "{customers} · 占销售额 {share} · 半数在 {days}内买过",
    ),
    "actions.figures_short": ("{customers} · {share} of revenue", "{customers} · 占销售额 {share}"),
    # recency by frequency
    "grid.intro": (
        (
            "Scores run from 1 to {top}; {top} is best. A cell holds the number of customers and, "
            "below it, what one of them has spent on average. Start with the upper left: they used "
            "to buy often and have stopped."
        ),
        (
            "得分从 1 到 {top}，{top} 为最好。每格上为客户数，下为人均消费。建议先看左上角："
            "他们曾经常买，如今停了下来。"
        ),
    ),
    "grid.caption": (
        "Customers and mean spend by recency and frequency score",
        "按最近购买得分与频次得分统计的客户数与人均消费",
    ),
    "grid.frequency": ("Frequency", "频次"),
    "grid.recency": ("Recency", "最近购买"),
    "grid.often": ("{score} often", "{score} 频繁"),
    "grid.seldom": ("{score} seldom", "{score} 很少"),
    "grid.recent": ("{score} recent", "{score} 最近"),
    "grid.old": ("{score} long ago", "{score} 很久"),
    "grid.corner": ("Frequency \\ recency", "频次 \\ 最近购买"),
    # months
    "months.revenue": ("Revenue", "销售额"),
    "months.customers": ("Customers who bought", "购买客户数"),
    "months.new": ("first order", "新客"),
    "months.returning": ("came back", "老客"),
    "months.orders": ("Orders", "订单数"),
    "months.month": ("Month", "月份"),
    "months.caption": ("Orders, revenue and customers by month", "逐月订单、销售额与客户数"),
    "months.unfinished": ("not over yet", "未结束"),
    "months.note": (
        (
            "Pale bars: the month is not over at the date of this report. In the first months of "
            "the data nearly everyone counts as new, because earlier orders are not known."
        ),
        "浅色柱：截至报告日该月尚未结束。数据最初几个月几乎人人都算新客，因为更早的订单未知。",
    ),
    "months.last": ("Only the last {n} months are shown.", "仅显示最近 {n} 个月。"),
    "months.alt_revenue": ("Revenue by month, as bars", "逐月销售额柱状图"),
    "months.alt_customers": (
        "Customers by month, as stacked bars: those who came back and those who are new",
        "逐月客户数堆叠柱状图：老客与新客",
    ),
    # cohorts
    "cohorts.intro": (
        (
            "Each row is the group of customers who first bought in that month. Read it to the "
            "right: the share of them who bought again one, two, three … months later."
        ),
        "每一行是在该月首次购买的一批客户。向右看：一个月、两个月、三个月……之后再次购买的比例。",
    ),
    "cohorts.first": (
        "The first rows also hold older customers, whose earlier orders are not in the data.",
        "最初几行也包含老客户，因为他们更早的订单不在数据中。",
    ),
    "cohorts.caption": (
        "Per cent of each cohort that bought again, by months since the first order",
        "各批新客在首购后各月的再次购买比例（%）",
    ),
    "cohorts.cohort": ("First order in", "首购月份"),
    "cohorts.size": ("Customers", "客户数"),
    "cohorts.all": ("All", "合计"),
    "cohorts.last": (
        "Only the last {n} cohorts and months are shown.",
        "仅显示最近 {n} 批客户与 {n} 个月。",
    ),
    # spend
    "tenths.intro": (
        (
            "All customers in a row, those who spent most first, cut into ten equal groups: what "
            "each group brings."
        ),
        "把客户按消费从高到低排序，平均分成十组：每组贡献多少销售额。",
    ),
    "tenths.axis": ("tenths of customers, best first", "客户十等分（从高到低）"),
    "tenths.alt": (
        "Share of revenue by tenth of the customers, as bars; the best tenth first",
        "按客户十等分的销售额占比柱状图，从高到低",
    ),
    "tenths.group": ("Tenth", "组别"),
    "tenths.share": ("Share of revenue", "销售占比"),
    "tenths.so_far": ("Up to here", "累计"),
    "tenths.caption": ("Revenue by tenth of the customers", "按客户十等分的销售额"),
    "tenths.best": ("the best 20% of customers", "前 20% 客户"),
    "tenths.rest": ("all others", "其余客户"),
    # tags
    "tags.intro": (
        (
            "Every tag describes each customer as of {date}. Known: the share of customers for "
            "whom there is a value. Texts that fewer than {n} customers share are not shown."
        ),
        (
            "每个标签描述客户在 {date} 的状态。覆盖率为有取值的客户比例。"
            "少于 {n} 位客户共有的取值不予显示。"
        ),
    ),
    "tags.caption": ("Tags: coverage and values", "标签覆盖率与取值"),
    "tags.tag": ("Tag", "标签"),
    "tags.known": ("Known", "覆盖率"),
    "tags.values": ("Values", "取值"),
    "tags.meaning": ("Meaning", "含义"),
    "tags.yes": ("yes: {share}", "是：{share}"),
    "tags.range": (
        "median {median}; most between {low} and {high}",
        "中位数 {median}；多数在 {low} 至 {high} 之间",
    ),
    "tags.dates": ("median {median}; from {low} to {high}", "中位数 {median}；{low} 至 {high}"),
    "tags.constant": ("{value} for everybody", "均为 {value}"),
    "tags.more": ("and {n} more", "另有 {n} 种"),
    "tags.hidden": (
        "not shown: too few customers share a value",
        "不予显示：共有同一取值的客户过少",
    ),
    "tags.none": ("no value known", "暂无取值"),
    "kind.fact": ("Facts", "事实标签"),
    "kind.rule": ("Rules: yes or no", "规则标签"),
    "kind.statistical": ("Statistics", "统计标签"),
    "kind.preference": ("Preferences", "偏好标签"),
    "kind.scored": ("Scores and segments", "评分与分群"),
    "kind.manual": ("Given by hand or by other systems", "人工或外部标签"),
    "kind.own": ("Own tags", "自定义标签"),
    "kind.other": ("Tags", "标签"),
    # cleaning
    "cleaning.intro": (
        "{n_in} came in, {n_out} were used ({share}), {n_removed} were removed.",
        "共读入 {n_in}，使用 {n_out}（{share}），剔除 {n_removed}。",
    ),
    "cleaning.caption": ("Rows by what was done and why", "按处理方式与原因统计的行数"),
    "cleaning.action": ("What was done", "处理方式"),
    "cleaning.reason": ("Reason", "原因"),
    "cleaning.rows": ("Rows", "行数"),
    "cleaning.share": ("Share of all", "占比"),
    "cleaning.in": ("rows in", "读入"),
    "cleaning.kept": ("kept", "保留"),
    "cleaning.removed": ("removed", "剔除"),
    "cleaning.changed": ("changed, kept", "修正后保留"),
    "cleaning.flagged": ("flagged, kept", "标记后保留"),
    # method
    "method.text": (
        (
            "Every number describes the shop as of {as_of} (UTC): nothing later was used. "
            "Customers are scored by recency, frequency and monetary value; score limits are the "
            "quintiles of this shop's own customers unless the build says otherwise, so a segment "
            "compares customers of this shop with each other and with no other shop. Amounts are "
            "net of refunds. Shares are rounded."
        ),
        (
            "所有数字描述截至 {as_of}（UTC）的店铺状态，之后的数据未被使用。客户按最近购买、"
            "购买频次和消费金额评分；"
            "若未另行设定，分数界限取本店客户的五分位，因此分群只在本店客户之间比较。金额已扣除退款"
            "，比例经四舍五入。"
        ),
    ),
    "method.tags": (
        (
            "The page is made from {tags} of {customers}; each tag value carries its date and the "
            "version of its definition."
        ),
        "本页由{customers}的{tags}生成；每个取值都带有日期与定义版本。",
    ),
    "method.glossary": ("Glossary", "术语"),
    # plots
    "plot.sizes": ("Share of customers and of revenue by segment", "各分群的客户占比与销售占比"),
    "plot.grid": ("Customers and mean spend by score", "各得分的客户数与人均消费"),
    "plot.recency_score": ("Recency score", "最近购买得分"),
    "plot.frequency_score": ("Frequency score", "购买频次得分"),
    "plot.spend": ("Spend per customer", "每位客户的消费额"),
    "plot.spend_axis": ("spend, logarithmic scale", "消费额（对数刻度）"),
    "plot.customers_axis": ("customers", "客户数"),
    "plot.best_fifth": (
        "The best 20% of customers\nbring {share} of revenue",
        "前 20% 客户\n贡献 {share} 的销售额",
    ),
    "plot.from": ("they spent {money} or more", "消费 {money} 及以上"),
    "plot.not_shown": ("not shown: {customers} without spend", "未显示：{customers}无消费"),
    "plot.lorenz": ("Concentration of revenue", "销售额集中度"),
    "plot.lorenz_x": ("customers, best first", "客户（从高到低）"),
    "plot.lorenz_y": ("share of revenue", "销售额占比"),
    "plot.equal": ("if all spent the same", "若人人消费相同"),
    "plot.cohorts": ("Share of new customers who bought again", "新客再次购买的比例"),
    "plot.cohort_counts": ("New customers who bought again", "再次购买的新客人数"),
    "plot.cohorts_x": ("months since the first order", "首购后的月数"),
    "plot.months_revenue": ("Revenue by month", "逐月销售额"),
    "plot.months_orders": ("Orders by month", "逐月订单数"),
    "plot.months_customers": ("Customers who bought, by month", "逐月购买客户数"),
    # one customer's page
    "person.kind": ("Customer portrait", "客户画像"),
    "person.title": ("Customer {id}", "客户 {id}"),
    "unit.days": ("days", "天"),
    "person.key": ("Key figures", "关键数据"),
    "person.stand": ("Where this customer stands", "在全部客户中的位置"),
    "person.stand.intro": (
        "Compared with all {customers}, as far as the figure is known.",
        "与全部{customers}中有该数据者相比。",
    ),
    "person.more_than": ("{value}: more than {share} of customers", "{value}：高于 {share} 的客户"),
    "person.more_recent": (
        "{value}: more recent than {share} of customers",
        "{value}：比 {share} 的客户更近",
    ),
    "person.tags": ("Tags", "标签"),
    "person.value": ("Value", "取值"),
    "person.true_at": ("True at", "时间"),
    "person.version": ("version {n}", "版本 {n}"),
    "person.expires": ("until {date}", "有效至 {date}"),
    "person.why": ("Why?", "依据"),
    "person.since": ("Customer since", "首次购买"),
    "person.last": ("Last order", "最近购买"),
    "person.days_ago": ("{days} before the date of this page", "距本页日期 {days}"),
    "person.unknown": ("unknown", "未知"),
    "person.yes": ("yes", "是"),
    "person.no": ("no", "否"),
    "person.n_unknown": ("Unknown: {names}.", "未知：{names}。"),
    "person.spend": ("Spend", "消费总额"),
    "person.orders": ("Orders", "订单数"),
    "person.order_value": ("Mean order value", "客单价"),
    "person.recency": ("Recency", "最近购买"),
    "person.tenure": ("Time as a customer", "成为客户时长"),
    "person.personal": (
        "This page describes one person: keep it as you keep other personal data.",
        "本页描述的是个人信息，请按个人数据妥善保管。",
    ),
    **RULE_WORDS,
    **RECOMMEND_WORDS,
}
"""By key: English, Chinese."""

GLOSSARY: tuple[tuple[str, str, str, str], ...] = (
    (
        "Revenue", "What customers paid, less what they got back.",
        "销售额", "客户支付的金额减去退款。",
    ),
    (
        "Order", "A purchase under one order ID; a return is no order.",
        "订单", "同一订单号下的一次购买；退货不计为订单。",
    ),
    (
        "Repeat rate", "Share of customers who have ordered at least twice.",
        "复购率", "下单两次及以上的客户占比。",
    ),
    (
        "Mean order value", "Revenue divided by the number of orders.",
        "客单价", "销售额除以订单数。",
    ),
    (
        "Recency", "Whole days from the last purchase to the date of this page.",
        "最近购买", "从最后一次购买到本页日期的整天数。",
    ),
    (
        "Frequency", "Number of orders.",
        "购买频次", "订单数量。",
    ),
    (
        "RFM", "Scores for recency, frequency and monetary value; the segments follow from them.",
        "RFM", "最近购买、购买频次、消费金额三项得分，分群由此得出。",
    ),
    (
        "Best 20%",
        "The fifth of the customers who spent most. Who got back more than they paid counts as 0.",
        "前 20% 客户", "消费最高的五分之一客户。退款多于支付的客户按 0 计。",
    ),
    (
        "Cohort", "All customers whose first known order was in the same month.",
        "同期群", "首个已知订单在同一个月的客户。",
    ),
    (
        "Median", "Half of the customers are below it, half above.",
        "中位数", "一半客户低于它，一半高于它。",
    ),
    (
        "Tag", "One statement about each customer, such as the number of orders.",
        "标签", "对每位客户的一项描述，例如订单数。",
    ),
)  # fmt: skip
"""Term and meaning in English, term and meaning in Chinese."""


@dataclass(frozen=True, slots=True)
class Words:
    """The texts of one language.

    Parameters
    ----------
    fmt : Formatter
        How numbers are written; its language is the one of the texts.

    Examples
    --------
    >>> from userportrait.report._format import Formatter
    >>> Words(Formatter("zh"))("tile.repeat")
    '复购率'
    """

    fmt: Formatter

    def __call__(self, key: str, **values: str) -> str:
        """Return a text with its gaps filled."""
        found = WORDS[key][1 if self.fmt.language == "zh" else 0]
        return found.format(**values) if values else found

    def glossary(self) -> tuple[tuple[str, str], ...]:
        """Return each term with its meaning."""
        first = 2 if self.fmt.language == "zh" else 0
        return tuple((entry[first], entry[first + 1]) for entry in GLOSSARY)

    def listing(self, names: list[str]) -> str:
        """Return names in a row."""
        return ("、" if self.fmt.language == "zh" else ", ").join(names)
