"""What a page of segments says, in English and Chinese."""

from __future__ import annotations

from userportrait.experiment._words import Sentence

__all__ = ["GLOSSARY", "MEASURES", "SAY"]

SAY: dict[str, Sentence] = {
    "kind": Sentence("Customer segments", "客户分群报告"),
    "title": Sentence("What kinds of customers are there?", "我们有哪几类客户？"),
    "subtitle": Sentence(*2 * ["{customers} · {features} · {method}"]),
    "features": Sentence("{n} features", "{n} 个特征"),
    "feature": Sentence("1 feature", "1 个特征"),
    "kmeans": Sentence("k-means", "k 均值聚类"),
    "minibatch": Sentence("mini-batch k-means", "小批量 k 均值聚类"),
    "gaussian_mixture": Sentence("Gaussian mixture", "高斯混合模型"),
    "hdbscan": Sentence("HDBSCAN", "HDBSCAN 密度聚类"),
    "kprototypes": Sentence("k-prototypes", "k 原型聚类"),
    "made_by": Sentence(
        "Made by userportrait. The page holds means and shares and no customer's own data.",
        "由 userportrait 生成。本页只含均值与占比，不含任何客户的个人数据。",
    ),
    "contents": Sentence("Contents", "目录"),
    "answer": Sentence("The answer", "结论"),
    "number": Sentence("Why this number", "为什么是这个数量"),
    "cards": Sentence("The segments", "各分群画像"),
    "table": Sentence("All features", "全部特征"),
    "notes": Sentence("What to know", "须知"),
    "method": Sentence("How to read this page", "阅读说明"),
    "section": Sentence("Customer segments", "客户分群"),
    "details": Sentence("Show the numbers", "查看数据表"),
    "drift": Sentence("Do the segments still hold?", "分群现在还成立吗？"),
    "drift.stable": Sentence(
        "Yes: nothing has moved enough to find new segments.", "成立：变化不大，无需重新分群。"
    ),
    "drift.refit": Sentence(
        "No: customers have moved so far that segments should be found anew.",
        "不再成立：客户变化较大，应当重新分群。",
    ),
    "drift.compared": Sentence(
        "Compared are {before} then and {after} now.", "比较此前的 {before}与现在的 {after}。"
    ),
    "drift.psi": Sentence(
        "The stability index of the shares is {psi}; {chance} is to be expected by chance.",
        "占比的稳定性指数（PSI）为 {psi}，随机波动约为 {chance}。",
    ),
    "drift.far": Sentence(
        "{share} of the customers are far from the centre of their segment; {usual} is usual.",
        "{share} 的客户远离所在分群的中心，通常约为 {usual}。",
    ),
    "drift.moved": Sentence(
        "Of {customers} known both times, {share} changed their segment.",
        "两个时点都有的 {customers}中，{share} 换了分群。",
    ),
    "drift.unjudged": Sentence(
        "No segment has enough customers both times to compare its members.",
        "没有分群在两个时点都有足够客户可供比较。",
    ),
    "drift.scale": Sentence("of a row, from 5%, 20%, 50% on", "占该行的 5%、20%、50% 以上"),
    "col.before": Sentence("Then", "此前"),
    "col.after": Sentence("Now", "现在"),
    "col.points": Sentence("Change, points", "变化（百分点）"),
    "col.moved": Sentence("Then → now", "此前 → 现在"),
    "col.p": Sentence("p", "p"),
    "table.drift": Sentence("Customers of each segment, then and now", "各分群此前与现在的客户"),
    "table.moves": Sentence(
        "What has changed most among the members of a segment; p-values are adjusted",
        "分群成员变化最大的特征；p 值已校正",
    ),
    "table.transitions": Sentence(
        "Where customers known both times went: shares of each row",
        "两个时点都有的客户去了哪里：占该行的比例",
    ),
    "rest": Sentence("Show {n} more rows", "再显示 {n} 行"),
    "headline": Sentence("{customers} fall into {segments}.", "{customers}可分为 {segments}。"),
    "headline.one": Sentence(
        "No segments stand out: the customers look like one cloud.",
        "没有明显的分群：客户看起来是一个整体。",
    ),
    "headline.asked": Sentence("{customers} are one segment.", "{customers}归为 1 个分群。"),
    "noise": Sentence(
        "{customers} ({share}) are unlike any segment and belong to none.",
        "{customers}（{share}）与任何分群都不相似，不属于任何分群。",
    ),
    "noise.name": Sentence("in no segment", "未归入分群"),
    "largest": Sentence(
        "The largest holds {share} of the customers: {name}.", "最大的分群占 {share}：{name}。"
    ),
    "given": Sentence(
        "The number of segments was given, not chosen from the data.",
        "分群数量由使用者指定，并非由数据选出。",
    ),
    "dense": Sentence(
        "A segment is where customers lie close to each other; their number comes from that.",
        "客户密集之处即为一个分群，数量由此得出。",
    ),
    "chosen": Sentence(
        "{n} segments were chosen from {low} to {high} by how well they hold.",
        "在 {low} 至 {high} 个之间，按分群效果选出 {n} 个。",
    ),
    "chosen.silhouette": Sentence(
        "Silhouette {value}; one cloud without segments would give {cloud}.",
        "轮廓系数 {value}；若只有单一群体，约为 {cloud}。",
    ),
    "chosen.stability": Sentence(
        "Stability {value}: how much of the least stable segment comes back in halves of the "
        "customers, 0 to 1.",
        "稳定性 {value}：只用一半客户重新聚类时，最不稳定的分群仍能重现的程度。",
    ),
    "chosen.none": Sentence(
        "Cut into {n}, the silhouette is {value}; one cloud without segments would give {cloud}, "
        "by chance up to {limit}.",
        "若分为 {n} 个，轮廓系数为 {value}；若只有单一群体，约为 {cloud}，随机波动可至 {limit}。",
    ),
    "clear.strong": Sentence(
        "The segments are far apart.",
        "各分群界限分明。",
    ),
    "clear.fair": Sentence(
        "The segments can be told apart, and touch at their edges.", "各分群可以区分，边缘相接。"
    ),
    "clear.weak": Sentence(
        "The segments run into each other: customers at the edges could be in either of two.",
        "各分群互有重叠：边缘客户归入哪一群都说得通。",
    ),
    "clear.poor": Sentence(
        "The segments overlap much: read them as regions of one cloud, with soft borders.",
        "各分群重叠较多：可视为同一人群中的不同区域，边界并不分明。",
    ),
    "tile.customers": Sentence("Customers", "客户数"),
    "tile.segments": Sentence("Segments", "分群数"),
    "tile.segments.note": Sentence("from {low} to {high} customers", "每群 {low} 至 {high} 位客户"),
    "tile.segments.each": Sentence("of {low} customers each", "每群 {low} 位客户"),
    "tile.features": Sentence("Features", "特征数"),
    "tile.silhouette": Sentence("Silhouette", "轮廓系数"),
    "tile.silhouette.note": Sentence("one cloud: {cloud}", "单一群体约为 {cloud}"),
    "tile.rules": Sentence("The rules together", "规则整体"),
    "tile.rules.note": Sentence("precision / recall", "精确率 / 召回率"),
    "tile.noise": Sentence("In no segment", "未归入分群"),
    "col.segment": Sentence("Segment", "分群"),
    "col.customers": Sentence("Customers", "客户数"),
    "col.share": Sentence("Share", "占比"),
    "col.apart": Sentence("What sets it apart", "突出特点"),
    "col.rule": Sentence("Rule, its precision / recall", "规则（精确率 / 召回率）"),
    "col.feature": Sentence("Feature", "特征"),
    "col.mean": Sentence("Mean", "均值"),
    "col.everybody": Sentence("Everybody", "全部客户"),
    "col.index": Sentence("Index", "指数"),
    "col.effect": Sentence("Effect size", "效应量"),
    "col.n_clusters": Sentence("Segments", "分群数"),
    "table.segments": Sentence("The segments, largest first", "各分群，按人数从多到少"),
    "table.traits": Sentence("What sets it apart, strongest first", "突出特点，由强到弱"),
    "table.features": Sentence(
        "Mean, or share of customers, of each segment; below it the index, 100 for everybody. "
        "Most telling features first.",
        "各分群的均值或客户占比，下方为指数（全部客户为 100）；区分度最高的特征在前。",
    ),
    "table.features.one": Sentence(
        "Mean, or share of customers, of everybody", "全部客户的均值或客户占比"
    ),
    "table.measures": Sentence("Measures of each number of segments", "各分群数量的评价指标"),
    "apart.none": Sentence("like everybody", "与总体相近"),
    "apart.of": Sentence(
        "{label} {mean} (everybody {everybody})", "{label} {mean}（总体 {everybody}）"
    ),
    "hidden": Sentence(
        "Fewer than {n} customers: their figures are not shown.", "少于 {n} 位客户，不显示数据。"
    ),
    "plain": Sentence("No feature differs much from everybody's.", "各特征与总体均无明显差异。"),
    "rule": Sentence("The rule that tells it best", "最能概括它的规则"),
    "rule.trust": Sentence(
        "Takes {customers}: {precision} of them are in the segment (precision). It finds {recall} "
        "of the segment (recall).",
        "规则选出 {customers}，其中 {precision} 属于本群（精确率）；"
        "能找到本群 {recall} 的客户（召回率）。",
    ),
    "cards.intro": Sentence(
        "Effects are in standard deviations of all customers: to the right is more than everybody, "
        "to the left less.",
        "效应量以全部客户的标准差为单位：向右高于总体，向左低于总体。",
    ),
    "number.intro": Sentence(
        "Each chart holds one measure for each number of segments. The filled point is the number "
        "chosen; the band is what one cloud without segments gives by chance.",
        "每幅图为一项指标随分群数量的变化，实心点为所选数量，色带为单一群体的随机波动范围。",
    ),
    "number.alt": Sentence(
        "Measures by number of segments; the table below holds the same numbers.",
        "各指标随分群数量的变化；下表给出同样的数字。",
    ),
    "one_cloud": Sentence("one cloud", "单一群体"),
    "stable": Sentence("highly stable", "高度稳定"),
    "more": Sentence("more is better", "越大越好"),
    "less": Sentence("less is better", "越小越好"),
    "heat.none": Sentence("like everybody", "与总体相近"),
    "heat.up": Sentence("more: a little, clearly, far", "更高：略高、明显、远高"),
    "heat.down": Sentence("less: a little, clearly, far", "更低：略低、明显、远低"),
    "note.advice": Sentence(
        "The page says who the customers are, not what works on them. What to offer a segment is "
        "a question for a test with a control group.",
        "本页说明客户是谁，不说明什么对他们有效。给某一分群什么优惠，应通过有对照组的实验来回答。",
    ),
    "note.rare": Sentence(
        "{n} levels of fewer than {few} customers are not shown.",
        "{n} 个不足 {few} 位客户的类别取值未显示。",
    ),
    "note.levels": Sentence(
        "Of categories with many levels the most common are shown; {n} are left out.",
        "取值较多的类别只显示最常见的取值，另有 {n} 个未列出。",
    ),
    "note.sample": Sentence(
        "Rules hold for the customers they were learned from; new customers are put into segments "
        "by the model, not by the rule.",
        "规则由所给客户学得，仅作概括；新客户由模型而非规则归入分群。",
    ),
}

MEASURES: dict[str, tuple[Sentence, str]] = {
    "silhouette": (Sentence("Silhouette", "轮廓系数"), "more"),
    "stability": (Sentence("Stability", "稳定性"), "more"),
    "bic": (Sentence("BIC of a mixture", "混合模型 BIC"), "less"),
    "gap": (Sentence("Gap statistic", "间隔统计量"), "more"),
    "calinski_harabasz": (Sentence("Calinski–Harabasz", "Calinski–Harabasz 指数"), "more"),
    "davies_bouldin": (Sentence("Davies–Bouldin", "Davies–Bouldin 指数"), "less"),
}
"""What measures are called, and whether more of them is better or less."""

GLOSSARY: tuple[tuple[Sentence, Sentence], ...] = (
    (
        Sentence("Segment", "分群"),
        Sentence(
            "Customers who are more like each other than like the rest, by all features together. "
            "Numbers are those of the model, from the largest segment; names say in what it ranks "
            "furthest from everybody.",
            "综合全部特征，彼此比与其他人更相似的客户。编号与模型一致，从最大的分群开始；"
            "名称取排名与总体相差最远的特征。",
        ),
    ),
    (
        Sentence("Mean", "均值"),
        Sentence(
            "In the units of the data; of a level of a category, the share of customers who have "
            "it. Missing values are left out.",
            "以原始数据的单位表示；类别取值则为拥有该取值的客户占比。缺失值不计入。",
        ),
    ),
    (
        Sentence("Index", "指数"),
        Sentence(
            "The segment's mean where everybody's is 100.", "以全部客户的均值为 100 的相对值。"
        ),
    ),
    (
        Sentence("Effect size", "效应量"),
        Sentence(
            "How far the segment is from everybody: of a number, in standard deviations of all "
            "customers; of a level, Cohen's h. From 0.2 small, from 0.5 medium, from 0.8 large.",
            "分群与总体的距离：数值以全部客户的标准差为单位，类别取值用 Cohen 的 h。"
            "0.2 起为小，0.5 起为中，0.8 起为大。",
        ),
    ),
    (
        Sentence("Precision", "精确率"),
        Sentence(
            "Of the customers whom a rule takes, the share who are in the segment.",
            "规则选出的客户中，确属该分群的比例。",
        ),
    ),
    (
        Sentence("Recall", "召回率"),
        Sentence(
            "Of the customers in a segment, the share whom its rule takes.",
            "该分群的客户中，被规则选出的比例。",
        ),
    ),
    (
        Sentence("Silhouette", "轮廓系数"),
        Sentence(
            "How much nearer customers are to their own segment than to the next, from -1 to 1. "
            "Above 0.5 segments are clear, below 0.25 they overlap much.",
            "客户距本群比距次近分群近多少，取值 -1 至 1。高于 0.5 界限清楚，低于 0.25 重叠较多。",
        ),
    ),
    (
        Sentence("Stability", "稳定性"),
        Sentence(
            "How much of the least stable segment comes back where only half of the customers are "
            "clustered, 0 to 1; highly stable from 0.85 on.",
            "只用一半客户聚类时最不稳定的分群重现的程度，0 至 1；0.85 起为高度稳定。",
        ),
    ),
    (
        Sentence("BIC, gap and others", "BIC、间隔统计量等"),
        Sentence(
            "Other measures of how well a number of segments fits. They need not agree.",
            "衡量分群数量是否合适的其他指标，结论不一定一致。",
        ),
    ),
)
