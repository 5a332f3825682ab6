"""The tags that every shop can start from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from userportrait._core.params import InstanceOf, OneOf, Optional, Rule, check_values
from userportrait.errors import InvalidParameterError
from userportrait.tags import (
    Domain,
    FactTag,
    PreferenceTag,
    RuleTag,
    ScoredTag,
    StatisticalTag,
    TagCatalogue,
)
from userportrait.value import QUINTILE11, RFM, VALUE8

if TYPE_CHECKING:
    from userportrait.tags import Tag
    from userportrait.value import SegmentMap

__all__ = ["SHIPPED", "default_tags"]

SHIPPED = "userportrait"
"""The owner of the shipped tags: they are left out where a shop lacks their data."""


_ELEVEN = ("auto", "quintile11")


def default_tags(*, language: Literal["en", "zh"] = "en", rfm: RFM | None = None) -> TagCatalogue:
    """Return the tags that every shop can start from.

    Parameters
    ----------
    language : {'en', 'zh'}, default='en'
        Language of the RFM segments' labels, which are the values of the tags `rfm` and
        `rfm8`.
    rfm : RFM, optional
        Five scores by an estimator of your own for the tags `r`, `f`, `m` and `rfm`. If it is
        fitted, its limits are used unchanged, so that the segments of two builds can be
        compared; if not, or by default, limits are learned at each build.

    Returns
    -------
    TagCatalogue
        Facts of the orders (`recency`, `n_orders`, `spend`, …), RFM scores and segments
        (`r`, `f`, `m`, `rfm`, `rfm8`), habits (`usual_weekday`, `country`, …), favourites
        (`favourite_item`, `favourite_category`, …), facts of the customers table (`gender`,
        …) and rules (`is_repeat_buyer`, `activity`, …). `build_portraits` leaves out those
        whose data are not there.

    See Also
    --------
    userportrait.tags.TagCatalogue : Adding, replacing and removing tags.

    Examples
    --------
    >>> tags = default_tags()
    >>> tags["rfm"].value_label("Champions", "zh")
    '冠军客户'
    >>> "is_repeat_buyer" in tags
    True
    """
    rules: dict[str, Rule] = {
        "language": OneOf(("en", "zh")),
        "rfm": Optional(InstanceOf((RFM,), "an RFM estimator")),
    }
    check_values("default_tags", {"language": language, "rfm": rfm}, rules)
    if rfm is not None and (rfm.n_bins not in (None, 5) or rfm.segments not in _ELEVEN):
        problem = "rfm must have five scores and the eleven-segment map."
        raise InvalidParameterError("default_tags", [problem])
    return TagCatalogue([*_facts(), *_rfm(language, rfm), *_habits(), *_favourites(), *_people(),
                         *_rules()])  # fmt: skip


def _fact(name: str, zh: str, description: str, domain: Domain, unit: str | None = None) -> FactTag:
    return FactTag(
        name, name, description=description, owner=SHIPPED, domain=domain, unit=unit,
        labels={"en": _LABELS.get(name, _title(name)), "zh": zh},
    )  # fmt: skip


_LABELS = {"n_days": "Days with a purchase", "n_items": "Units", "tenure": "Customer for"}


def _facts() -> list[Tag]:
    count, money, days, date = (
        Domain("number", low=0), Domain("number"), Domain("number", low=0), Domain("date"),
    )  # fmt: skip
    return [
        _fact("first_order_at", "首次购买", "Day of the first purchase.", date),
        _fact("last_order_at", "最近购买", "Day of the last purchase.", date),
        _fact("recency", "距上次购买天数", "Days since the last purchase.", days, "days"),
        _fact("tenure", "客户时长", "Days since the first purchase.", days, "days"),
        _fact("n_orders", "订单数", "Orders with a purchase.", count, "orders"),
        _fact("n_items", "购买件数", "Units bought.", count, "units"),
        _fact("n_days", "购买天数", "Days with a purchase.", count, "days"),
        _fact("n_returns", "退货行数", "Order lines that took something back.", count, "lines"),
        _fact("spend", "消费额", "Money spent, net of refunds.", money, "currency"),
        _fact("refunds", "退款额", "Money refunded.", money, "currency"),
        _fact("mean_order_value", "客单价", "Mean order, before refunds.", money, "currency"),
        _fact("mean_gap", "平均购买间隔", "Mean days between days with a purchase.", days, "days"),
        _fact("orders_30d", "近30天订单数", "Orders in the last 30 days.", count, "orders"),
        _fact("orders_90d", "近90天订单数", "Orders in the last 90 days.", count, "orders"),
        _fact("orders_365d", "近365天订单数", "Orders in the last 365 days.", count, "orders"),
        _fact("spend_30d", "近30天消费额", "Net spend in the last 30 days.", money, "currency"),
        _fact("spend_90d", "近90天消费额", "Net spend in the last 90 days.", money, "currency"),
        _fact("spend_365d", "近365天消费额", "Net spend in the last 365 days.", money, "currency"),
    ]


def _rfm(language: Literal["en", "zh"], given: RFM | None) -> list[Tag]:
    eleven = given if given is not None else RFM(language=language)
    eight = RFM(segments="value8", language=language)
    refit = not hasattr(eleven, "limits_")
    score = Domain("number", low=1, high=5)
    scores = [
        (
            "r",
            "recency",
            "最近购买得分",
            "Recency score: 5 is the most recent fifth of the customers.",
        ),
        ("f", "n_orders", "购买频次得分", "Frequency score: 5 is the fifth with the most orders."),
        ("m", "spend", "消费金额得分", "Monetary score: 5 is the fifth that spends most."),
    ]
    return [
        *(
            ScoredTag(name, eleven, name, description=text, owner=SHIPPED, domain=score,
                      because=(measure,), refit=refit,
                      labels={"en": f"{name.upper()} score", "zh": zh})
            for name, measure, zh, text in scores
        ),
        _segment("rfm", ("RFM segment", "RFM 分群"), eleven, QUINTILE11, ("r", "f", "m")),
        _segment("rfm8", ("RFM value", "RFM 八分类"), eight, VALUE8,
                 ("recency", "n_orders", "spend")),
    ]  # fmt: skip


def _segment(
    name: str,
    labels: tuple[str, str],
    scorer: RFM,
    segments: SegmentMap,
    because: tuple[str, ...],
) -> ScoredTag:
    values = segments.labels[scorer.language]
    texts = {other: dict(zip(values, named, strict=True))
             for other, named in segments.labels.items()}  # fmt: skip
    return ScoredTag(
        name,
        scorer,
        "segment",
        description=f"Segment of the recency, frequency and money scores, one of {len(values)}.",
        owner=SHIPPED,
        domain=Domain("text", values=values),
        because=because,
        refit=not hasattr(scorer, "limits_"),
        labels={"en": labels[0], "zh": labels[1]},
        value_labels=texts,
    )


def _habits() -> list[Tag]:
    made = [
        ("usual_weekday", "weekday", "常购星期", "Weekday of most orders, UTC."),
        ("usual_hour", "hour", "常购时段", "Hour of most orders, 0 to 23, UTC."),
        ("country", "country", "国家", "Country of most orders."),
        ("channel", "channel", "渠道", "Channel of most orders."),
    ]
    return [
        StatisticalTag(name, column, "most_frequent", per="order", description=text,
                       owner=SHIPPED, labels={"en": _title(name), "zh": zh})
        for name, column, zh, text in made
    ]  # fmt: skip


def _favourites() -> list[Tag]:
    made = [
        ("favourite_item", "item_id", "最爱商品", "Item with the highest decayed interest."),
        ("favourite_category", "category", "最爱品类", "Category with the highest interest."),
        ("favourite_brand", "brand", "最爱品牌", "Brand with the highest decayed interest."),
    ]
    return [
        PreferenceTag(name, by, description=text, owner=SHIPPED,
                      labels={"en": _title(name), "zh": zh})
        for name, by, zh, text in made
    ]  # fmt: skip


def _people() -> list[Tag]:
    made = [
        ("gender", "gender", "性别", "Gender, as given."),
        ("city", "city", "城市", "City, as given."),
        ("home_country", "country", "所在国家", "Country, as given."),
        ("registered_at", "registered_at", "注册日期", "Day of registration."),
    ]
    return [
        FactTag(name, column, source="customers", description=text, owner=SHIPPED,
                labels={"en": _title(name), "zh": zh})
        for name, column, zh, text in made
    ]  # fmt: skip


def _rules() -> list[Tag]:
    made = [
        ("is_one_time_buyer", "n_orders = 1", "一次性买家", "Has bought exactly once."),
        ("is_repeat_buyer", "n_orders >= 2", "复购客户", "Has bought more than once."),
        ("is_high_spender", "m = 5", "高消费客户", "In the fifth that spends most."),
        ("is_slipping", "r <= 2 and f >= 4", "流失预警", "Bought often, but not lately."),
        ("has_returned", "n_returns >= 1", "有退货", "Has sent something back."),
    ]
    rules: list[Tag] = [
        RuleTag(name, rule, description=text, owner=SHIPPED, labels={"en": _title(name), "zh": zh})
        for name, rule, zh, text in made
    ]
    cases = (
        ("n_orders = 0", "no order"),
        ("tenure <= 30", "new"),
        ("recency <= 90", "active"),
        ("recency <= 365", "dormant"),
    )
    chinese = {"no order": "未下单", "new": "新客", "active": "活跃", "dormant": "休眠",
               "lost": "流失"}  # fmt: skip
    rules.append(
        RuleTag(
            "activity",
            cases=cases,
            otherwise="lost",
            description="No order; first bought within 30 days; bought within 90 days; within "
            "365 days; or longer ago.",
            owner=SHIPPED,
            domain=Domain("text", values=("new", "active", "dormant", "lost", "no order")),
            labels={"en": "Activity", "zh": "活跃度"},
            value_labels={"zh": chinese},
        )
    )
    return rules


def _title(name: str) -> str:
    words = name.replace("_30d", ", 30 days").replace("_90d", ", 90 days")
    words = words.replace("_365d", ", 365 days").removeprefix("n_").removesuffix("_at")
    return words.replace("_", " ").capitalize()
