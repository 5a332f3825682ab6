"""What decisions say, in English and Chinese."""

from __future__ import annotations

from userportrait.experiment._words import Sentence

__all__ = ["ACTIONS", "REASONS"]

ACTIONS: dict[str, Sentence] = {
    "check the data": Sentence(
        "Check the data first: the arms do not have their planned sizes.",
        "先检查数据：各组样本量与计划比例不符。",
    ),
    "keep running": Sentence(
        "Keep running: {variant} against {control} is not decided, and the plan has more looks.",
        "继续实验：{variant} 对 {control} 尚无定论，按计划还可继续观察。",
    ),
    "roll out": Sentence(
        "Roll out: {variant} is better than {control}.", "建议上线：{variant} 优于 {control}。"
    ),
    "roll out with care": Sentence(
        "Roll out with care: {variant} is better than {control}, but a guardrail is not shown "
        "to be safe.",
        "谨慎上线：{variant} 优于 {control}，但有护栏指标尚未证明安全。",
    ),
    "do not roll out": Sentence(
        "Do not roll out: {variant} harms a metric that matters.",
        "不要上线：{variant} 损害了重要指标。",
    ),
    "no difference": Sentence(
        "No difference worth having: keep {control}.", "没有值得改动的差异：保留 {control}。"
    ),
    "not decided": Sentence(
        "Not decided: the data do not say whether {variant} is better than {control}.",
        "尚无定论：数据不足以判断 {variant} 是否优于 {control}。",
    ),
}

REASONS: dict[str, Sentence] = {
    "srm": Sentence(
        "Sample ratio mismatch: p = {p}, alarm below {alarm}. Effects cannot be trusted until "
        "the cause is known.",
        "样本比例失衡：p = {p}，警戒线 {alarm}。查明原因之前，效果不可信。",
    ),
    "primary_better": Sentence("{metric} is better: {size}, {p}.", "{metric} 更好：{size}，{p}。"),
    "primary_worse": Sentence("{metric} is worse: {size}, {p}.", "{metric} 更差：{size}，{p}。"),
    "primary_unclear": Sentence(
        "{metric} is not clearly different: {size}, {p}.", "{metric} 无明显差异：{size}，{p}。"
    ),
    "primary_shown": Sentence(
        "{metric} stays within its margin of {margin}: {size}; against the margin {margin_p}.",
        "{metric} 在容忍界限 {margin} 之内：{size}；对界限检验 {margin_p}。",
    ),
    "primary_not_shown": Sentence(
        "{metric} is not shown to stay within its margin of {margin}: {size}; against the "
        "margin {margin_p}.",
        "{metric} 尚未证明在容忍界限 {margin} 之内：{size}；对界限检验 {margin_p}。",
    ),
    "guard_better": Sentence(
        "Guardrail {metric} is better: {size}, {p}.", "护栏指标 {metric} 更好：{size}，{p}。"
    ),
    "guard_worse": Sentence(
        "Guardrail {metric} is worse: {size}, {p}.", "护栏指标 {metric} 更差：{size}，{p}。"
    ),
    "guard_unclear": Sentence(
        "Guardrail {metric} shows no harm, but has no margin to be tested against: {size}, {p}.",
        "护栏指标 {metric} 未见损害，但没有可供检验的容忍界限：{size}，{p}。",
    ),
    "guard_shown": Sentence(
        "Guardrail {metric} is safe within {margin}: {size}; against the margin {margin_p}.",
        "护栏指标 {metric} 在容忍界限 {margin} 内安全：{size}；对界限检验 {margin_p}。",
    ),
    "guard_not_shown": Sentence(
        "Guardrail {metric} is not shown to be safe within {margin}: {size}; against the margin "
        "{margin_p}.",
        "护栏指标 {metric} 尚未证明在容忍界限 {margin} 内安全：{size}；对界限检验 {margin_p}。",
    ),
    "running": Sentence(
        "The plan has further looks; stopping now because of what is seen would not be right.",
        "计划中还有后续观察；现在因所见结果而停止并不正确。",
    ),
    "no_guardrail": Sentence(
        "No guardrail was measured: nothing says what else may have changed.",
        "没有护栏指标：其他方面是否受影响不得而知。",
    ),
    "below": Sentence(
        "Gains of {size} or more, relative to the control, are ruled out.",
        "相对对照组达到 {size} 及以上的提升已被排除。",
    ),
    "range": Sentence(
        "What the data allow for {metric}: {low} to {high}. If both ends would lead to the same "
        "action, take it; else more units are needed.",
        "{metric} 的可能范围：{low} 至 {high}。若两端对应同一行动即可执行，否则需要更多样本。",
    ),
    "several": Sentence(
        "{n} primary metrics were tested without adjustment: a false alarm is more likely than "
        "alpha says.",
        "{n} 个主要指标未作多重检验校正：误报概率高于 alpha。",
    ),
}
