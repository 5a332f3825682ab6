"""Why rows were removed, changed or flagged, in words."""

from __future__ import annotations

__all__ = ["REASONS", "reason_text"]

REASONS: dict[str, tuple[str, str]] = {
    "ambiguous_time": ("a local time that the clock showed twice", "夏令时重复的当地时间"),
    "amount_differs": ("the amount is not quantity × price", "金额不等于数量 × 单价"),
    "amount_negated": ("the amount of a return got its sign", "退货金额改为负数"),
    "amount_parsed": ("a text became an amount", "文本转换为金额"),
    "amount_rounded": ("an amount rounded to the currency's digits", "金额按币种位数取整"),
    "cancellation_negated": ("a credit note became negative", "退款单改为负数"),
    "customer_id_to_integer": (
        "a customer ID such as 17850.0 became 17850",
        "客户编号如 17850.0 改为 17850",
    ),
    "customer_id_trimmed": ("white space around the customer ID", "去除客户编号两端空白"),
    "duplicate": ("the same row again", "重复行"),
    "event_renamed": ("an event's name spelt in the common way", "事件名称统一写法"),
    "future_time": ("a time after now", "时间晚于现在"),
    "invalid_amount": ("the amount is no number", "金额不是有效数字"),
    "invalid_price": ("the price is no number", "单价不是有效数字"),
    "invalid_quantity": ("the quantity is no number", "数量不是有效数字"),
    "item_id_to_integer": (
        "an item ID such as 22423.0 became 22423",
        "商品编号如 22423.0 改为 22423",
    ),
    "item_id_trimmed": ("white space around the item ID", "去除商品编号两端空白"),
    "missing_amount": ("no amount", "缺少金额"),
    "missing_customer_id": ("no customer", "缺少客户编号"),
    "missing_event": ("no event", "缺少事件"),
    "missing_item_id": ("no item", "缺少商品编号"),
    "missing_order_id": ("no order", "缺少订单号"),
    "missing_price": ("no price", "缺少单价"),
    "missing_quantity": ("no quantity", "缺少数量"),
    "missing_time": ("no time", "缺少时间"),
    "negative_amount": ("units bought, but money below 0", "有购买数量但金额为负"),
    "negative_outside_credit_note": (
        "negative, but not in a credit note",
        "为负数但不在退款单中",
    ),
    "negative_price": ("a price below 0", "单价为负"),
    "non_product": (
        "a service, charge or correction, not an item",
        "服务、费用或更正，不是商品",
    ),
    "nonexistent_time": ("a local time that the clock jumped over", "夏令时跳过的当地时间"),
    "order_id_made": ("the customer and the day became the order", "以客户与日期作为订单"),
    "order_id_to_integer": (
        "an order ID such as 536365.0 became 536365",
        "订单号如 536365.0 改为 536365",
    ),
    "order_id_trimmed": ("white space around the order ID", "去除订单号两端空白"),
    "outlier": ("unusually large or small", "数值异常"),
    "positive_cancellation": ("in a credit note, but not negative", "在退款单中但不为负数"),
    "price_parsed": ("a text became a price", "文本转换为单价"),
    "quantity_parsed": ("a text became a quantity", "文本转换为数量"),
    "return_cut": (
        "a return cut to the units that earlier purchases cover",
        "退货数量截至此前的购买数量",
    ),
    "return_matched": ("a return of earlier purchases", "退货与此前的购买相符"),
    "return_partly_matched": (
        "a return of more than earlier purchases cover",
        "退货超出此前的购买",
    ),
    "return_unmatched": ("a return without an earlier purchase", "退货没有对应的购买"),
    "session_id_to_integer": ("a session ID became whole", "会话编号改为整数"),
    "session_id_trimmed": ("white space around the session ID", "去除会话编号两端空白"),
    "shared_order_id": ("the order belongs to several customers", "订单属于多位客户"),
    "time_parsed": ("a text or number became a time", "文本或数字转换为时间"),
    "time_zone_converted": ("a time in a zone became UTC", "时间换算为 UTC"),
    "unknown_event": ("an unknown event", "未知事件"),
    "unparsable_time": ("a time that cannot be read", "时间无法识别"),
    "zero_amount": ("an amount of 0", "金额为 0"),
    "zero_price": ("a price of 0", "单价为 0"),
    "zero_quantity": ("no units and no money", "数量与金额均为 0"),
}
"""By reason: English, Chinese."""


def reason_text(reason: str, language: str) -> str:
    """Return a reason in words; one that is not known here is shown as it is."""
    found = REASONS.get(reason)
    if found is None:
        return reason.replace("_", " ")
    return found[1 if language == "zh" else 0]
