"""What a propensity model's page says, in English and Chinese."""

from __future__ import annotations

from userportrait.experiment._words import Sentence

__all__ = ["GLOSSARY", "SAY"]

SAY: dict[str, Sentence] = {
    "kind": Sentence("Propensity report", "倾向模型报告"),
    "title": Sentence("Who will do it?", "谁会响应？"),
    "subtitle": Sentence(
        "{name} · outcome: {outcome} · learnt from {train} rows, judged by {test} held out {how}",
        "{name} · 目标：{outcome} · 用 {train} 行学习，{how}留出 {test} 行检验",
    ),
    "by_chance": Sentence("at random", "随机"),
    "by_time": Sentence("from {moment} on", "自 {moment} 起"),
    "made_by": Sentence(
        "Made by userportrait. The page holds sums over rows and no customer's own data.",
        "由 userportrait 生成。本页只含汇总数据，不含任何客户的个人数据。",
    ),
    "contents": Sentence("Contents", "目录"),
    "details": Sentence("Show the numbers", "查看数据表"),
    "section": Sentence("Who will do it", "谁会响应"),
    # sections
    "answer": Sentence("The answer", "结论"),
    "drivers": Sentence("What speaks for it, what against it", "哪些因素提高或降低可能性"),
    "importance": Sentence("What the model leans on", "模型依赖哪些变量"),
    "whom": Sentence("Whom it finds", "能找到谁"),
    "trust": Sentence("How far to trust it", "可信程度"),
    "confusion": Sentence("Right and wrong at {threshold}", "阈值 {threshold} 处的对与错"),
    "factors": Sentence("Columns as a whole", "各变量整体检验"),
    "coefficients": Sentence("Coefficients", "回归系数"),
    "steps": Sentence("How the columns were chosen", "变量筛选过程"),
    "fit": Sentence("Fit", "拟合优度"),
    "limits": Sentence("What the model cannot tell", "模型不能回答什么"),
    "method": Sentence("How to read this page", "阅读说明"),
    # the answer
    "answer.lift": Sentence(
        "Contact the best {top} first: they hold {gain} of all who did it, {lift} times as many as "
        "the same number drawn at random.",
        "先联系得分最高的 {top}：其中包含全部响应者的 {gain}，是随机挑选同样人数的 {lift} 倍。",
    ),
    "answer.none": Sentence(
        "Do not use this model: on rows that it has not seen it ranks no better than a coin would.",
        "不要使用该模型：在未见过的数据上，其排序不优于随机。",
    ),
    "answer.leak": Sentence(
        "Check the data first: a column alone tells the outcome all but perfectly.",
        "请先检查数据：有一个变量单独就几乎完全决定了结果。",
    ),
    "answer.auc": Sentence(
        "Of two customers, one who did it and one who did not, it ranks the right one first in "
        "{auc} of cases [{low}, {high}]; on the rows it learnt from, in {training}.",
        "任取一位响应者与一位未响应者，有 {auc} 的情形排序正确 [{low}, {high}]；"
        "在学习数据上为 {training}。",
    ),
    "answer.overfit": Sentence(
        "That is clearly less than on the rows it learnt from: it learnt luck as well. Take "
        "fewer columns, or more rows.",
        "明显低于学习数据上的表现：模型也学到了偶然性。请减少变量或增加数据。",
    ),
    "answer.calibrated": Sentence(
        "Its chances can be taken at their word: they are off by {error} points on average.",
        "预测概率可以直接使用：平均偏差 {error} 个百分点。",
    ),
    "answer.uncertain": Sentence(
        "Its chances are off by {error} points on average, which is no more than luck brings with "
        "so few rows.",
        "预测概率平均偏差 {error} 个百分点，在这样的样本量下属于随机波动。",
    ),
    "answer.uncalibrated": Sentence(
        "Its chances are off by {error} points on average: calibrate them before you compute a "
        "profit. The order of customers is not affected.",
        "预测概率平均偏差 {error} 个百分点：计算利润之前请先校准。客户排序不受影响。",
    ),
    "answer.rate": Sentence(
        "{share} did it: {n} of {all} rows held out. Among the best {top}, {rate}.",
        "整体响应率 {share}（留出的 {all} 行中有 {n} 行）；得分最高的 {top} 中为 {rate}。",
    ),
    "answer.drivers": Sentence("It leans most on {names}.", "最重要的变量：{names}。"),
    "answer.few": Sentence(
        "Only {n} rows held out did it: read every figure with its interval.",
        "留出样本中只有 {n} 个响应者：请结合区间理解各项数字。",
    ),
    "warned": Sentence("The fit warned: {text}", "拟合时的警告（原文）：{text}"),
    "separated": Sentence(
        "Some levels or limits have one outcome without exception; the fit uses Firth's penalty, "
        "which stays finite.",
        "某些水平的结果毫无例外（完全分离）；模型改用 Firth 惩罚，使估计保持有限。",
    ),
    # tiles
    "tile.auc": Sentence("Area under the curve", "曲线下面积（AUC）"),
    "tile.lift": Sentence("Lift of the best {top}", "前 {top} 的提升度"),
    "tile.lift.note": Sentence(
        "{rate} did it, against {usual} of all", "响应率 {rate}，整体 {usual}"
    ),
    "tile.gain": Sentence("The best {top} hold", "前 {top} 包含"),
    "tile.gain.note": Sentence("of all who did it", "的全部响应者"),
    "tile.error": Sentence("Calibration error", "校准误差"),
    "tile.error.note": Sentence("in points, 0 is best", "百分点，0 为最好"),
    "tile.rows": Sentence("Rows held out", "留出行数"),
    "tile.rows.note": Sentence("learnt from {n}", "学习用 {n} 行"),
    "tile.rate": Sentence("Did it", "响应率"),
    "tile.rate.note": Sentence("{n} of {all} rows held out", "留出的 {all} 行中有 {n} 行"),
    "tile.ks": Sentence("KS", "KS"),
    "tile.ks.note": Sentence("largest distance of the classes", "两类之间的最大距离"),
    # drivers
    "drivers.intro": Sentence(
        "Odds ratio with its {level} interval, all other columns held the same: right of 1 speaks "
        "for it, left of 1 against it. A level is compared with its reference, a number with the "
        "step named. The strongest columns come first.",
        "优势比及其 {level} 区间（其他变量保持不变）：大于 1 提高可能性，小于 1 降低可能性。"
        "类别与参照水平相比，数值按所示增量。最强的变量排在前面。",
    ),
    "drivers.alt": Sentence(
        "Forest plot of odds ratios; the table of coefficients holds the same numbers.",
        "优势比森林图；系数表给出同样的数字。",
    ),
    "drivers.axis": Sentence("odds ratio, logarithmic", "优势比（对数刻度）"),
    "drivers.rest": Sentence(
        "The {n} weakest columns are in the table of coefficients only.",
        "最弱的 {n} 个变量只列在系数表中。",
    ),
    "drivers.entangled": Sentence(
        "Other columns tell nearly the same as {names}: read these together, not one by one. Each "
        "odds ratio holds the others fixed, which no customer does.",
        "{names} 的信息与其他变量高度重叠：请合起来看，不要逐个解读。每个优势比都假定其他变量不变，"
        "而现实中它们会一起变化。",
    ),
    "drivers.none": Sentence(
        "No column is in the model: none tells the outcome apart.",
        "模型中没有变量：没有一个能区分结果。",
    ),
    "up": Sentence("raises the odds", "提高可能性"),
    "down": Sentence("lowers the odds", "降低可能性"),
    "unclear": Sentence("not clear", "不确定"),
    "reference": Sentence("reference", "参照"),
    "more": Sentence("{step} more", "每增加 {step}"),
    "no_interval": Sentence(
        "A penalty leaves no intervals: all marks are estimates only.",
        "带惩罚的估计没有区间：图中只有估计值。",
    ),
    # what other classifiers lean on
    "importance.intro": Sentence(
        "How much of the area under the curve is lost, on the rows held out, when a column is "
        "shuffled. Columns that tell the same share their importance.",
        "在留出样本上打乱某一变量后，曲线下面积的损失。信息相同的变量会分摊重要性。",
    ),
    "importance.alt": Sentence(
        "Bars of importance; the table below holds the same numbers.",
        "重要性条形图；下表给出同样的数字。",
    ),
    # whom
    "whom.intro": Sentence(
        "Customers held out, sorted by what the model gives them, the best first, and cut into "
        "{n} equal groups.",
        "将留出的客户按模型得分从高到低排列，等分为 {n} 组。",
    ),
    "whom.alt": Sentence(
        "Gain curve and lift by group; the table below holds the same numbers.",
        "增益曲线与各组提升度；下表给出同样的数字。",
    ),
    "gain.title": Sentence("Who did it, found so far", "累计找到的响应者"),
    "gain.x": Sentence("customers contacted, best first", "已联系客户（从高分起）"),
    "gain.chance": Sentence("at random", "随机"),
    "gain.best": Sentence("best possible", "理论最优"),
    "gain.model": Sentence("this model", "本模型"),
    "gain.note": Sentence("best {top}: {gain}", "前 {top}：{gain}"),
    "lift.title": Sentence("Lift by group (everybody: 1)", "各组提升度（整体为 1）"),
    "lift.x": Sentence("group, best first", "组别（从高分起）"),
    # trust
    "trust.intro": Sentence(
        "Left: the further the curve is above the diagonal, the better customers are told apart. "
        "Right: a point on the diagonal says that as many did it as were predicted; the line "
        "through it is where the truth may lie.",
        "左图：曲线离对角线越远，区分能力越强。右图：点落在对角线上，表示实际响应率与预测一致；"
        "竖线为 95% 区间。",
    ),
    "trust.intro_curve": Sentence(
        "The further the curve is above the diagonal, the better customers are told apart. The "
        "scores are no probabilities, so there is no calibration.",
        "曲线离对角线越远，区分能力越强。该模型的得分不是概率，因此没有校准图。",
    ),
    "trust.alt": Sentence(
        "Receiver operating characteristic and calibration.", "ROC 曲线与校准图。"
    ),
    "roc.title": Sentence("ROC curve, area {auc}", "ROC 曲线，面积 {auc}"),
    "roc.x": Sentence("share of the others called", "误判比例（假阳性率）"),
    "calibration.title": Sentence("Predicted and observed", "预测与实际"),
    "calibration.x": Sentence("predicted chance", "预测概率"),
    "repeats": Sentence(
        "In {n} splits at random the area was {low} to {high}.",
        "在 {n} 次随机划分中，面积介于 {low} 与 {high}。",
    ),
    # confusion
    "confusion.told": Sentence(
        "Whoever has a chance of {threshold} or more is called: {called} of {all}. Of these, "
        "{precision} did it; of all who did it, {recall} are among them.",
        "概率达到 {threshold} 即判为响应：{all} 中有 {called}。其中 {precision} 确实响应；"
        "全部响应者中有 {recall} 被判中。",
    ),
    "confusion.score": Sentence(
        "Whoever has a score of {threshold} or more is called: {called} of {all}. Of these, "
        "{precision} did it; of all who did it, {recall} are among them.",
        "得分达到 {threshold} 即判为响应：{all} 中有 {called}。其中 {precision} 确实响应；"
        "全部响应者中有 {recall} 被判中。",
    ),
    "confusion.rare": Sentence(
        "Where few do it, few chances reach {threshold}, and calling nobody would be right in "
        "{idle} of cases. Choose whom to contact by budget or profit, not by this threshold.",
        "响应者较少时，很少有概率达到 {threshold}；谁都不判也有 {idle} 的正确率。"
        "请按预算或利润选择联系对象，而不是按该阈值。",
    ),
    "confusion.caption": Sentence("Rows held out: {accuracy} right", "留出样本：正确率 {accuracy}"),
    "did": Sentence("did it", "实际响应"),
    "did_not": Sentence("did not", "实际未响应"),
    "called": Sentence("called", "判为响应"),
    "not_called": Sentence("not called", "判为不响应"),
    # tables
    "col.truth": Sentence("What they did", "实际"),
    "col.group": Sentence("Group", "组"),
    "col.rows": Sentence("Rows", "行数"),
    "col.did": Sentence("Did it", "响应数"),
    "col.rate": Sentence("Rate", "响应率"),
    "col.lift": Sentence("Lift", "提升度"),
    "col.gain": Sentence("Gain so far", "累计增益"),
    "col.so_far": Sentence("Lift so far", "累计提升度"),
    "col.chance": Sentence("Chances", "预测概率"),
    "col.score": Sentence("Scores", "得分"),
    "col.column": Sentence("Column", "变量"),
    "col.df": Sentence("df", "自由度"),
    "col.wald": Sentence("Wald χ²", "Wald χ²"),
    "col.p": Sentence("p", "p"),
    "col.lr": Sentence("LR χ²", "似然比 χ²"),
    "col.lr_p": Sentence("LR p", "似然比 p"),
    "col.holdout_p": Sentence("p, rows held out", "留出样本 p"),
    "col.vif": Sentence("VIF", "VIF"),
    "col.coef": Sentence("Coefficient", "系数"),
    "col.error": Sentence("Std. error", "标准误"),
    "col.odds": Sentence("Odds ratio", "优势比"),
    "col.interval": Sentence("Interval", "区间"),
    "col.step": Sentence("Step", "步骤"),
    "col.chi2": Sentence("χ²", "χ²"),
    "col.predicted": Sentence("Predicted", "预测"),
    "col.observed": Sentence("Observed", "实际"),
    "col.loss": Sentence("Loss of area", "面积损失"),
    "col.measure": Sentence("Measure", "指标"),
    "col.training": Sentence("Learnt from", "学习数据"),
    "col.holdout": Sentence("Held out", "留出样本"),
    "table.lift": Sentence("Rows held out by group, best scores first", "留出样本各组（从高分起）"),
    "table.calibration": Sentence(
        "Predicted and observed, by predicted chance", "各概率段的预测与实际"
    ),
    "table.factors": Sentence(
        "Tests that a column does nothing, all of its levels together",
        "检验变量（全部水平一起）无影响",
    ),
    "table.coefficients": Sentence(
        "Odds ratios of numbers are for 1 more; rows and rates are those the model learnt from",
        "数值变量的优势比对应增加 1；行数与响应率来自学习数据",
    ),
    "table.steps": Sentence("Steps of the search, on the rows learnt from", "逐步筛选（学习数据）"),
    "table.importance": Sentence("Loss of area when a column is shuffled", "打乱变量后的面积损失"),
    "table.fit": Sentence("Fit and hold-out", "拟合与留出检验"),
    "factors.search": Sentence(
        "p-values of the rows learnt from are too small after a search, because the search chose "
        "them. The p-value of the rows held out tests the same columns where the search did not "
        "look: fewer rows, but honest.",
        "逐步筛选之后，学习数据上的 p 值偏小，因为变量正是据此选出的。“留出样本 p”在筛选未见过的"
        "数据上检验同样的变量：行数较少，但更可靠。",
    ),
    "factors.vif": Sentence(
        "VIF: how much the variance of a column's coefficients grows because other columns tell "
        "the same; above 5 to 10 they cannot be read one by one.",
        "VIF：因其他变量信息重叠而使系数方差膨胀的倍数；超过 5 至 10 时，不宜逐个解读系数。",
    ),
    "coefficients.aliased": Sentence(
        "Left out, for other columns say it already: {names}.",
        "因与其他变量完全重复而未计入：{names}。",
    ),
    "coefficients.dropped": Sentence(
        "Left out, for all rows have one value: {names}.", "因所有行取值相同而未计入：{names}。"
    ),
    "steps.start": Sentence("start", "开始"),
    "steps.enter": Sentence("in: {term}", "加入：{term}"),
    "steps.remove": Sentence("out: {term}", "剔除：{term}"),
    "steps.told": Sentence(
        "{chosen} of {all} columns are in the model. Left out: {names}.",
        "{all} 个变量中选入 {chosen} 个。未选入：{names}。",
    ),
    "steps.all": Sentence("All {all} columns are in the model.", "全部 {all} 个变量均选入。"),
    "fit.lr": Sentence(
        "Likelihood ratio against no columns: χ² = {chi2}, {df} df, p {p}.",
        "与无变量模型的似然比：χ² = {chi2}，自由度 {df}，p {p}。",
    ),
    "fit.hl": Sentence(
        "Hosmer–Lemeshow, {rows}: χ² = {chi2}, {df} df, p {p}.",
        "Hosmer–Lemeshow 检验（{rows}）：χ² = {chi2}，自由度 {df}，p {p}。",
    ),
    "fit.hl_large": Sentence(
        "With many rows this test finds differences too small to matter: look at the calibration "
        "error as well.",
        "行数很多时，该检验会发现无关紧要的差异：请同时看校准误差。",
    ),
    "fit.rows_training": Sentence("rows learnt from", "学习数据"),
    "fit.rows_holdout": Sentence("rows held out", "留出样本"),
    "fit.refit": Sentence(
        "Coefficients are fitted to all rows in the end; figures of the hold-out are those of the "
        "model that had not seen it.",
        "系数最终用全部数据拟合；留出样本的各项数字来自未见过它的模型。",
    ),
    "fit.auc": Sentence("Area under the curve", "曲线下面积"),
    "fit.ks": Sentence("KS", "KS"),
    "fit.brier": Sentence("Brier score", "Brier 分数"),
    "fit.log_loss": Sentence("Log loss", "对数损失"),
    "fit.error": Sentence("Calibration error", "校准误差"),
    "fit.ap": Sentence("Average precision", "平均精确率"),
    "fit.nagelkerke": Sentence("Nagelkerke's R²", "Nagelkerke R²"),
    "fit.mcfadden": Sentence("McFadden's R²", "McFadden R²"),
    "fit.cox_snell": Sentence("Cox and Snell's R²", "Cox–Snell R²"),
    "fit.tjur": Sentence("Tjur's R²", "Tjur R²"),
    # limits
    "limits.cause": Sentence(
        "Why they do it: a column that goes with the outcome need not bring it about.",
        "为什么会响应：与结果相关的变量不一定是原因。",
    ),
    "limits.uplift": Sentence(
        "Whom a contact moves: many of the best would have done it anyway. A test with a control "
        "group tells, and an uplift model ranks by it.",
        "联系会改变谁：得分最高的人中，许多本来就会响应。请用带对照组的测试来回答，并用增量模型排序。",
    ),
    "limits.random": Sentence(
        "Tomorrow: rows were held out at random, so they are of the same days as those learnt "
        "from. Hold out the latest moments to see what changes with time.",
        "明天会怎样：留出样本是随机抽取的，与学习数据来自同一时期。请留出最近的时段，看随时间的变化。",
    ),
    "limits.time": Sentence(
        "The day after tomorrow: rows held out begin at {moment}. Look again when newer outcomes "
        "are known.",
        "更远的将来：留出样本自 {moment} 起。有更新的结果后请重新检验。",
    ),
    "limits.search": Sentence(
        "That a column left out does not matter: another that tells the same may be in its place.",
        "未选入的变量不等于不重要：可能已有信息相同的变量代替了它。",
    ),
    "limits.others": Sentence(
        "Customers of another kind: the model knows those that were in the table.",
        "其他类型的客户：模型只了解表中的客户。",
    ),
}

GLOSSARY: tuple[tuple[Sentence, Sentence], ...] = (
    (
        Sentence("Held out", "留出样本"),
        Sentence(
            "Rows that neither the fit nor the choice of columns has seen. Only they say what the "
            "model is worth.",
            "拟合与变量筛选都未见过的数据。只有它们能说明模型的价值。",
        ),
    ),
    (
        Sentence("Odds ratio", "优势比"),
        Sentence(
            "Odds are those who do it over those who do not: a chance of 20% is odds of 1 to 4. "
            "A ratio of 2 makes them 2 to 4, a chance of 33%. It is no ratio of chances.",
            "优势是响应者与未响应者之比：20% 的概率即 1 比 4。优势比为 2 时变为 2 比 4，即 33%。"
            "它不是概率之比。",
        ),
    ),
    (
        Sentence("Reference", "参照水平"),
        Sentence(
            "The level that the others of its column are compared with; its odds ratio is 1.",
            "同一变量中其他水平的比较对象，其优势比为 1。",
        ),
    ),
    (
        Sentence("Area under the curve", "曲线下面积（AUC）"),
        Sentence(
            "The share of pairs, one who did it and one who did not, that are ranked rightly. 50% "
            "is chance.",
            "响应者与未响应者两两比较时排序正确的比例。50% 即随机。",
        ),
    ),
    (
        Sentence("Lift", "提升度"),
        Sentence("The rate of a group over that of everybody.", "某组响应率与整体响应率之比。"),
    ),
    (
        Sentence("Gain", "累计增益"),
        Sentence(
            "The share of all who did it that the best groups hold so far.",
            "到目前为止的高分组所包含的响应者占全部响应者的比例。",
        ),
    ),
    (
        Sentence("Calibration error", "校准误差"),
        Sentence(
            "How far the rate of a group is from its mean chance, averaged over the groups.",
            "各组实际响应率与平均预测概率之差的平均值。",
        ),
    ),
    (
        Sentence("Wald, LR", "Wald、似然比"),
        Sentence(
            "Two tests that a coefficient, or all of a column, is 0. p is the chance of data at "
            "least as far from 0, if it were.",
            "检验系数（或整个变量）为 0 的两种方法。p 为真值为 0 时出现同样或更极端数据的概率。",
        ),
    ),
    (
        Sentence("KS", "KS"),
        Sentence(
            "The largest distance between the shares of the two classes at or above a chance.",
            "在某一概率之上，两类客户比例之差的最大值。",
        ),
    ),
)
