"""What each shipped segment means and what to do about it, in English and Chinese."""

from __future__ import annotations

from typing import TypeAlias

__all__ = ["ADVICE", "OWN_ADVICE"]

Texts: TypeAlias = dict[str, tuple[str, str, str]]

ADVICE: dict[str, Texts] = {
    "champions": {
        "en": (
            "Bought recently, buy often, spend the most.",
            "Show them new items first and thank them in person; they need no discount.",
            "Ask for reviews and referrals: they know the shop best.",
        ),
        "zh": (
            "最近买过，买得勤，花得最多。",
            "新品优先给他们看，用专属服务致谢；不需要靠打折。",
            "邀请他们写评价、推荐朋友：他们最了解店铺。",
        ),
    },
    "loyal": {
        "en": (
            "Come back regularly and spend well.",
            "Offer a membership or points, so that staying pays.",
            "Suggest items that go with what they bought, one price step up.",
        ),
        "zh": (
            "经常回来，消费不低。",
            "提供会员或积分，让持续购买有回报。",
            "推荐与已购商品搭配、价位略高的商品。",
        ),
    },
    "potential_loyalist": {
        "en": (
            "Recent buyers who have started to come back.",
            "Give a reason for the next order within a month: a bundle, a reminder to refill.",
            "Invite them to the membership; find out what they like.",
        ),
        "zh": (
            "最近买过，刚开始复购。",
            "一个月内给出下一单的理由：组合装、补货提醒。",
            "邀请加入会员，了解他们的喜好。",
        ),
    },
    "new_customers": {
        "en": (
            "Bought recently; few and small orders so far.",
            "Send a good welcome: how to use it, how to return it, whom to ask.",
            "Aim for the second order while they remember the first.",
        ),
        "zh": (
            "最近买过，订单还少、金额还小。",
            "做好新客欢迎：怎么用、怎么退换、有问题找谁。",
            "趁第一单印象还在，争取第二单。",
        ),
    },
    "promising": {
        "en": (
            "Bought recently; few orders, but good money.",
            "Show the best of what they bought first; quality matters more than price here.",
            "Ask what they still need: one call or message is worth it.",
        ),
        "zh": (
            "最近买过，次数少，但金额可观。",
            "在首购品类里推荐精品；他们更看重品质而不是价格。",
            "主动询问还需要什么，值得一次人工联系。",
        ),
    },
    "need_attention": {
        "en": (
            "Spend well, but order less often or less recently than the best.",
            "Write to them now, with an offer that ends soon.",
            "Remind them of items they bought before and may need again.",
        ),
        "zh": (
            "花费不错，但不如最好的客户买得勤、买得近。",
            "现在就联系，给一个限时优惠。",
            "提醒他们可能需要补货的旧购商品。",
        ),
    },
    "about_to_sleep": {
        "en": (
            "Have not bought for a while, and bought little before.",
            "Send one reminder with what is new and what is popular.",
            "Keep it cheap: an e-mail, no call.",
        ),
        "zh": (
            "有一段时间没买了，以前也买得不多。",
            "发一次提醒：有什么新品、什么最受欢迎。",
            "控制成本：发消息即可，不必打电话。",
        ),
    },
    "at_risk": {
        "en": (
            "Bought often and well, but long ago.",
            "Ask why they stay away: price, service, or a need that is gone.",
            "Win them back with a personal offer on what they used to buy.",
        ),
        "zh": (
            "以前买得多、买得勤，但很久没来了。",
            "问清原因：价格、服务，还是不再需要。",
            "针对他们以前常买的商品，给专属召回优惠。",
        ),
    },
    "cannot_lose_them": {
        "en": (
            "Spent much, and have stayed away for long.",
            "Call the largest of them one by one before anything else.",
            "Mend what went wrong first; a coupon alone does not bring them back.",
        ),
        "zh": (
            "花费很高，却已离开很久。",
            "优先逐个电话联系其中的大客户。",
            "先解决问题，单靠优惠券拉不回来。",
        ),
    },
    "hibernating": {
        "en": (
            "Last bought long ago, with few or small orders.",
            "Include them in seasonal mailings only.",
            "Stop paying for advertisements to them if two seasons pass without an order.",
        ),
        "zh": (
            "很久没买，次数少或金额小。",
            "只在换季或大促时触达。",
            "两季仍不下单，就停止为他们付广告费。",
        ),
    },
    "lost": {
        "en": (
            "Bought little, rarely, and longest ago.",
            "Try once with the shop's best offer, then let them rest.",
            "Spend the budget on new customers instead.",
        ),
        "zh": (
            "买得少、买得稀，时间也最久。",
            "用最好的优惠尝试一次，之后不再打扰。",
            "把预算留给新客户。",
        ),
    },
    "important_value": {
        "en": (
            "Recent, frequent, and spend more than average.",
            "Keep them: personal service, first access, thanks.",
            "Ask for reviews and referrals.",
        ),
        "zh": (
            "最近买过，买得勤，花费高于平均。",
            "重点维护：专属服务、新品优先、表达感谢。",
            "邀请写评价和推荐。",
        ),
    },
    "important_develop": {
        "en": (
            "Recent and spend much, but seldom.",
            "Give reasons to come more often: subscriptions, bundles, reminders.",
            "Suggest what goes with their last order.",
        ),
        "zh": (
            "最近买过，花费高，但次数少。",
            "提高频次：订阅、组合装、补货提醒。",
            "推荐与上一单搭配的商品。",
        ),
    },
    "important_keep": {
        "en": (
            "Used to buy often and spend much; not lately.",
            "Contact them now and ask what changed.",
            "Offer what they used to buy, at a price that ends soon.",
        ),
        "zh": (
            "以前买得勤、花得多，最近没来。",
            "现在就联系，问清变化原因。",
            "对常购商品给限时优惠。",
        ),
    },
    "important_win_back": {
        "en": (
            "Spent much, seldom, and long ago.",
            "Call the largest of them one by one.",
            "Mend what went wrong before you send an offer.",
        ),
        "zh": (
            "花费高，次数少，很久没来。",
            "逐个联系其中的大客户。",
            "先解决问题，再给优惠。",
        ),
    },
    "general_value": {
        "en": (
            "Recent and frequent, with small baskets.",
            "Raise the basket: bundles, free delivery from a higher amount.",
            "Suggest items one price step up.",
        ),
        "zh": (
            "最近买过，买得勤，客单价低。",
            "提高客单价：组合装、满额包邮。",
            "推荐价位略高的商品。",
        ),
    },
    "general_develop": {
        "en": (
            "Bought recently, seldom, and little.",
            "Welcome them well and aim for the second order.",
            "Show what other customers buy next.",
        ),
        "zh": (
            "最近买过，次数少，金额小。",
            "做好欢迎，争取第二单。",
            "展示其他客户接着会买什么。",
        ),
    },
    "general_keep": {
        "en": (
            "Used to buy often, in small amounts; not lately.",
            "Send one reminder with what is new.",
            "Keep the cost of contact low.",
        ),
        "zh": (
            "以前买得勤但金额小，最近没来。",
            "发一次新品提醒。",
            "控制触达成本。",
        ),
    },
    "general_win_back": {
        "en": (
            "Bought little, seldom, and long ago.",
            "Try once with the best offer, then let them rest.",
            "Spend the budget on new customers instead.",
        ),
        "zh": (
            "买得少、次数少，很久没来。",
            "用最好的优惠尝试一次，之后不再打扰。",
            "把预算留给新客户。",
        ),
    },
}
"""By key of a segment and language: who they are, and two things to do."""

OWN_ADVICE: dict[str, Texts] = {
    "recent_often": {
        "en": (
            "Bought more recently and more often than the shop's customers on average.",
            "Keep them: service, first access to new items, thanks.",
            "Ask for reviews and referrals.",
        ),
        "zh": (
            "比全店客户买得更近、更勤。",
            "重点维护：服务、新品优先、表达感谢。",
            "邀请写评价和推荐。",
        ),
    },
    "recent_rare": {
        "en": (
            "Bought recently, but less often than average.",
            "Aim for the next order while the last one is remembered.",
            "Suggest what goes with their last order.",
        ),
        "zh": (
            "最近买过，但次数低于平均。",
            "趁上一单印象还在，争取下一单。",
            "推荐与上一单搭配的商品。",
        ),
    },
    "old_often": {
        "en": (
            "Bought more often than average, but not lately.",
            "Contact them now and ask what changed.",
            "Offer what they used to buy.",
        ),
        "zh": (
            "买得比平均勤，但最近没来。",
            "现在就联系，问清变化原因。",
            "就他们常买的商品给优惠。",
        ),
    },
    "old_rare": {
        "en": (
            "Bought less often than average, and not lately.",
            "Send one reminder, at low cost.",
            "Spend the budget where it returns more.",
        ),
        "zh": (
            "次数低于平均，最近也没来。",
            "低成本提醒一次。",
            "把预算用在回报更高的地方。",
        ),
    },
}
"""The same for segments of the user's own, by where they stand against the whole shop."""
