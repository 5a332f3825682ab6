"""What a check of sample sizes found."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from userportrait._core.display import page_fragment, table
from userportrait.experiment._result import write_p

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd
    from matplotlib.axes import Axes

__all__ = ["SrmCheck", "SrmGroup"]


@dataclass(frozen=True, slots=True, kw_only=True)
class SrmGroup:
    """The sample sizes of one segment or one period.

    Parameters
    ----------
    label : str
    counts : mapping of str to int
        Units by variant.
    p_value : float
        Of this group alone; of a sequential check, of all periods up to this one.
    adjusted_p_value : float
        Adjusted for the number of groups; the same as `p_value` in a sequential check.
    is_alarm : bool
        Whether `adjusted_p_value` is below the alarm level.

    Examples
    --------
    >>> from userportrait.experiment import SrmGroup
    >>> SrmGroup(
    ...     label="mobile", counts={"A": 90, "B": 10}, p_value=0.0, adjusted_p_value=0.0,
    ...     is_alarm=True,
    ... ).n
    100
    """

    label: str
    counts: Mapping[str, int]
    p_value: float
    adjusted_p_value: float
    is_alarm: bool

    @property
    def n(self) -> int:
        """Units of all variants."""
        return sum(self.counts.values())


@dataclass(frozen=True, slots=True, kw_only=True)
class SrmCheck:
    """Whether the variants have as many units as the plan says.

    Parameters
    ----------
    counts : mapping of str to int
        Units by variant.
    expected : mapping of str to float
        Planned shares; they add up to 1.
    statistic : float
        Pearson's chi-square; of a sequential check, the largest Bayes factor's logarithm.
    p_value, log_p_value : float
        The chance of shares at least as far off, if the plan was followed; the logarithm is
        natural, and known where the p-value is too small for a float.
    alarm : float
        Below it, the check raises an alarm.
    method : str
    by : str, default=''
        What the groups are, such as the day.
    groups : tuple of SrmGroup
        By segment or period, in order; empty if none were asked for.
    notes : tuple of str
        What the reader must know.

    See Also
    --------
    check_srm : Make one.

    Examples
    --------
    >>> from userportrait.experiment import check_srm
    >>> check_srm({"A": 5000, "B": 5300}).is_alarm
    False
    """

    counts: Mapping[str, int]
    expected: Mapping[str, float]
    statistic: float
    p_value: float
    log_p_value: float
    alarm: float
    method: str
    by: str = ""
    groups: tuple[SrmGroup, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def is_alarm(self) -> bool:
        """Whether the totals or any group are further off than chance explains."""
        return self.p_value < self.alarm or any(group.is_alarm for group in self.groups)

    @property
    def n(self) -> int:
        """Units of all variants."""
        return sum(self.counts.values())

    def to_frame(self) -> pd.DataFrame:
        """Return one row for each variant.

        Returns
        -------
        DataFrame
            ``variant, n, share, expected_share, expected_n, difference``.
        """
        import pandas as pd

        n = self.n
        rows = [
            {
                "variant": variant,
                "n": count,
                "share": count / n,
                "expected_share": self.expected[variant],
                "expected_n": self.expected[variant] * n,
                "difference": count - self.expected[variant] * n,
            }
            for variant, count in self.counts.items()
        ]
        return pd.DataFrame(rows)

    def groups_to_frame(self) -> pd.DataFrame:
        """Return one row for each group.

        Returns
        -------
        DataFrame
            ``group, n, p_value, adjusted_p_value, is_alarm``, then the units of each variant
            as ``n of`` its name.
        """
        import pandas as pd

        names = ["group", "n", "p_value", "adjusted_p_value", "is_alarm"]
        columns = [*names, *(f"n of {variant}" for variant in self.counts)]
        rows = [
            [
                group.label,
                group.n,
                group.p_value,
                group.adjusted_p_value,
                group.is_alarm,
                *(group.counts[variant] for variant in self.counts),
            ]
            for group in self.groups
        ]
        return pd.DataFrame(rows, columns=columns)

    def to_dict(self) -> dict[str, Any]:
        """Return plain values, ready for JSON."""
        found = asdict(self)
        found["groups"], found["notes"] = list(found["groups"]), list(self.notes)
        return found | {"n": self.n, "is_alarm": self.is_alarm}

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw the p-value of each group against the alarm level.

        Parameters
        ----------
        ax : matplotlib Axes, optional
            Where to draw; a new figure by default.

        Returns
        -------
        matplotlib Axes
        """
        from userportrait.experiment._srm_plot import plot_srm

        return plot_srm(self, ax)

    @property
    def headline(self) -> str:
        """One sentence with the result and the alarm level."""
        verdict = "ALARM" if self.is_alarm else "no alarm"
        level = f"alarm below {self.alarm:g}"
        off = [group for group in self.groups if group.is_alarm]
        more = f"; {len(off)} of {len(self.groups)} groups are off" if off else ""
        p = f"p = {self.p_value:.4g}"
        if self.p_value < 1e-300:
            p = write_p(self.p_value, self.log_p_value)
        return f"Sample ratio: {verdict}, {p} ({level}){more}."

    def __str__(self) -> str:
        lines = [
            f"- {variant}: {count:,} of {self.n:,}, {share:.2%} (planned {planned:.2%})"
            for variant, count, share, planned in self._shares()
        ]
        return "\n".join([self.headline, *lines, *(f"- {note}" for note in self.notes)])

    def _shares(self) -> list[tuple[str, int, float, float]]:
        n = self.n
        return [(name, x, x / n, self.expected[name]) for name, x in self.counts.items()]

    def _repr_html_(self) -> str:
        columns = ("variant", "units", "share", "planned")
        rows = [
            (name, f"{x:,}", f"{share:.2%}", f"{planned:.2%}")
            for name, x, share, planned in self._shares()
        ]
        return page_fragment(self.headline, table(columns, rows, numeric=columns[1:]))
