"""What an experiment's page says, in English and Chinese."""

from __future__ import annotations

from userportrait.experiment._words import Sentence

__all__ = ["GLOSSARY", "SAY"]

SAY: dict[str, Sentence] = {
    "kind": Sentence("Experiment report", "实验报告"),
    "title": Sentence("Did the test work?", "实验有效吗？"),
    "subtitle": Sentence(
        "{arms} · {design} · {level} intervals", "{arms} · {design} · {level} 置信区间"
    ),
    "arm": Sentence("{n} of {name}", "{name}：{n}"),
    "control": Sentence("{n} of {name} (control)", "{name}（对照）：{n}"),
    "made_by": Sentence(
        "Made by userportrait. The page holds sums over units and no unit's own data.",
        "由 userportrait 生成。本页只含汇总数据，不含任何个体数据。",
    ),
    "contents": Sentence("Contents", "目录"),
    "answer": Sentence("The answer", "结论"),
    "effects": Sentence("Effects", "各指标效果"),
    "sizes": Sentence("Sizes of the arms", "各组样本量"),
    "looks": Sentence("Look by look", "逐次观察"),
    "segments": Sentence("For whom", "对谁有效"),
    "days": Sentence("Does it last?", "效果能持续吗？"),
    "scorecard": Sentence("What the campaign brought", "活动带来了什么"),
    "notes": Sentence("What to know", "须知"),
    "method": Sentence("How to read this page", "阅读说明"),
    "tile.units": Sentence("Units", "样本量"),
    "tile.units.note": Sentence("in {n} arms", "共 {n} 组"),
    "tile.srm": Sentence("Sizes as planned?", "样本比例"),
    "tile.srm.ok": Sentence("no alarm", "无警报"),
    "tile.srm.bad": Sentence("alarm", "警报"),
    "tile.srm.note": Sentence("p = {p}, alarm below {alarm}", "p = {p}，警戒线 {alarm}"),
    "effects.intro": Sentence(
        "A point is the estimate, a line the interval: values outside it do not agree with the "
        "data. A ring is an effect that is not clear. An arrow goes on beyond the picture.",
        "点为估计值，线为置信区间：区间外的取值与数据不符。空心圆表示不确定，箭头表示区间超出图外。",
    ),
    "effects.alt": Sentence(
        "Forest plot of the effects; the table below holds the same numbers.",
        "效果森林图；下表给出同样的数字。",
    ),
    "axis.relative": Sentence("change against the control", "相对对照组的变化"),
    "axis.absolute": Sentence("difference to the control", "与对照组的差值"),
    "better": Sentence("better", "更好"),
    "worse": Sentence("worse", "更差"),
    "unclear": Sentence("not clear", "不确定"),
    "margin": Sentence("margin of a guardrail", "护栏容忍界限"),
    "shrunk": Sentence("shrunk: what to expect", "收缩估计：可预期的效果"),
    "safe": Sentence("within {margin}", "在 {margin} 之内"),
    "unsafe": Sentence("not shown within {margin}", "未证明在 {margin} 之内"),
    "primary": Sentence("primary", "主要"),
    "secondary": Sentence("secondary", "次要"),
    "guardrail": Sentence("guardrail", "护栏"),
    "table.effects": Sentence(
        "Means, changes and what they say; p-values are adjusted where the plan says so.",
        "均值、变化与结论；p 值按计划校正。",
    ),
    "col.metric": Sentence("Metric", "指标"),
    "col.arms": Sentence("Arms", "组别"),
    "col.control": Sentence("Control", "对照组"),
    "col.variant": Sentence("Variant", "实验组"),
    "col.difference": Sentence("Difference", "差值"),
    "col.change": Sentence("Change", "变化"),
    "col.p": Sentence("p", "p"),
    "col.verdict": Sentence("Verdict", "结论"),
    "col.arm": Sentence("Arm", "组"),
    "col.units": Sentence("Units", "样本量"),
    "col.share": Sentence("Share", "占比"),
    "col.planned": Sentence("Planned", "计划"),
    "col.segment": Sentence("Segment", "分群"),
    "col.interval": Sentence("Interval", "区间"),
    "col.shrunk": Sentence("Shrunk", "收缩估计"),
    "col.look": Sentence("Look", "观察"),
    "col.statistic": Sentence("Statistic", "统计量"),
    "col.bounds": Sentence("Bounds", "界限"),
    "col.decision": Sentence("Decision", "决定"),
    "col.day": Sentence("Day", "日"),
    "sizes.ok": Sentence(
        "The arms have the sizes that the plan gives them (p = {p}, alarm below {alarm}).",
        "各组样本量与计划相符（p = {p}，警戒线 {alarm}）。",
    ),
    "sizes.bad": Sentence(
        "The arms do not have the sizes that the plan gives them (p = {p}, alarm below {alarm}). "
        "Units were lost or doubled in a way that depends on the arm: find out where before you "
        "read on.",
        "各组样本量与计划不符（p = {p}，警戒线 {alarm}）。样本的丢失或重复与组别有关，"
        "请先查明原因再往下读。",
    ),
    "sizes.groups": Sentence(
        "Share of {arm} by {by}. The bars are where chance leaves it in 99 of 100 groups; a "
        "diamond is an alarm.",
        "{arm} 在各 {by} 的占比。色带为 99% 的随机波动范围，菱形表示警报。",
    ),
    "table.sizes": Sentence("Units of each arm", "各组样本量"),
    "looks.intro": Sentence(
        "The line is the evidence so far, in standard errors. In the shaded region the "
        "experiment stops; between the bounds it goes on, however large the effect looks.",
        "折线为迄今证据（标准误个数）。进入阴影区即停止；在界限之间应继续，无论效果看起来多大。",
    ),
    "looks.stopped": Sentence(
        "{metric}: the look at {label} stopped ({decision}).",
        "{metric}：在 {label} 的观察处停止（{decision}）。",
    ),
    "looks.going": Sentence("{metric}: no bound is crossed yet.", "{metric}：尚未越过任何界限。"),
    "looks.alt": Sentence("Path of the statistic between its bounds.", "统计量在界限之间的路径。"),
    "looks.axis": Sentence("share of the planned units", "占计划样本量的比例"),
    "table.looks": Sentence("Looks and their bounds", "各次观察与界限"),
    "effect": Sentence("an effect", "有效果"),
    "no effect": Sentence("no effect", "无效果"),
    "futility": Sentence("no use to go on", "继续无望"),
    "continue": Sentence("go on", "继续"),
    "planned": Sentence("to come", "待观察"),
    "segments.differ": Sentence(
        "{metric} by {column}: the effects differ (Q = {q}, p = {p}).",
        "{metric} 按 {column}：各分群效果不同（Q = {q}，p = {p}）。",
    ),
    "segments.same": Sentence(
        "{metric} by {column}: the effects cannot be told apart (Q = {q}, p = {p}). Differences "
        "in the picture are what chance brings.",
        "{metric} 按 {column}：各分群效果无法区分（Q = {q}，p = {p}），图中差异属随机波动。",
    ),
    "segments.alt": Sentence(
        "Effects by segment; the table below holds the same numbers.",
        "各分群效果；下表给出同样的数字。",
    ),
    "segments.left_out": Sentence(
        "{column}: {n} segments with too few units in an arm are left out.",
        "{column}：{n} 个分群因某组样本过少而未列出。",
    ),
    "table.segments": Sentence("{metric} by segment", "{metric} 的各分群效果"),
    "days.fades": Sentence(
        "{metric}: the effect fades (p = {p}).", "{metric}：效果在减弱（p = {p}）。"
    ),
    "days.grows": Sentence(
        "{metric}: the effect grows (p = {p}).", "{metric}：效果在增强（p = {p}）。"
    ),
    "days.changes sign": Sentence(
        "{metric}: the effect changes its sign (p = {p}).",
        "{metric}：效果方向发生改变（p = {p}）。",
    ),
    "days.unclear": Sentence(
        "{metric}: no clear trend (p = {p}).", "{metric}：没有明显趋势（p = {p}）。"
    ),
    "days.alt": Sentence("Effect by day with the line of its trend.", "逐日效果与趋势线。"),
    "days.first": Sentence(
        "In the first days {early}, later {late}.", "最初几天 {early}，之后 {late}。"
    ),
    "details": Sentence("Show the numbers", "查看数据表"),
    "missing": Sentence(
        "{n} units were left out for a missing value.", "{n} 个样本因缺失值未计入。"
    ),
    "filled": Sentence("{n} missing values count as 0.", "{n} 个缺失值按 0 计。"),
    "table.scorecard": Sentence("Treated customers against the hold-out", "触达组与对照组的比较"),
}

GLOSSARY: tuple[tuple[Sentence, Sentence], ...] = (
    (
        Sentence("Interval", "置信区间"),
        Sentence(
            "Made so that it holds the true effect in the share of experiments that its level "
            "says. Where an end is infinite, the data set no bound.",
            "按此方法构造的区间，在其置信水平所示比例的实验中包含真实效果。端点为无穷表示数据无法界定。",
        ),
    ),
    (
        Sentence("p-value", "p 值"),
        Sentence(
            "The chance of data at least as far from no effect, if there were none. It is not "
            "the chance that there is no effect.",
            "若真实效果为零，出现同样或更极端数据的概率；它不是“没有效果”的概率。",
        ),
    ),
    (
        Sentence("Primary", "主要指标"),
        Sentence("Decides. Chosen before the data were seen.", "用于决策，在看到数据之前选定。"),
    ),
    (
        Sentence("Guardrail", "护栏指标"),
        Sentence(
            "Must not get worse by more than its margin. Not significant is not safe: safe is "
            "where the interval ends before the margin.",
            "变差不得超过容忍界限。“不显著”不等于“安全”：区间止于界限之内才算安全。",
        ),
    ),
    (
        Sentence("Sizes of the arms", "样本比例"),
        Sentence(
            "Arms that are not as large as planned have lost units for a reason that may "
            "change every metric.",
            "组的大小与计划不符，说明样本因某种原因丢失，这可能影响所有指标。",
        ),
    ),
    (
        Sentence("Shrunk effect", "收缩估计"),
        Sentence(
            "A segment's effect drawn to the mean of all segments, by as much as its "
            "uncertainty asks for: what to expect of the segment that looks best.",
            "按不确定性把分群效果向总体均值收缩：对“看起来最好”的分群可预期的效果。",
        ),
    ),
)
