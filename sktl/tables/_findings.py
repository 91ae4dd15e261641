"""What is said of a cell that cannot be used: the one form in which all commands say it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from sktl._echo import echo, shown
from sktl.representations import Fault

MOST_OF_A_KIND = 5
"""Cells of one kind that a message lists."""


@dataclass(frozen=True)
class Finding:
    """A cell of a table that cannot be used, or has two readings.

    Attributes
    ----------
    row : int
        Row of the table, from 0.
    line : int
        Line of the file, from 1.
    column, value : str
        The column and the text.
    fault : Fault
        What is wrong with it.
    """

    row: int
    line: int
    column: str
    value: str
    fault: Fault

    @property
    def kind(self) -> str:
        """What cells like this are called."""
        return self.fault.kind

    @property
    def looks_like(self) -> str:
        """What the cell looks like."""
        return self.fault.looks_like

    @property
    def write(self) -> str:
        """What to write instead; empty if nobody can know."""
        return self.fault.write

    @property
    def repair(self) -> str | None:
        """The only text that can be meant; None where there is none, or several."""
        return self.fault.repair

    @property
    def reason(self) -> str:
        """Why the cell cannot be used, and what to write."""
        return str(self.fault)

    def __str__(self) -> str:
        return f"line {self.line}, {shown(self.column)}: {echo(self.value)}: {self.reason}"


def list_findings(findings: Iterable[Finding], most: int = MOST_OF_A_KIND) -> list[str]:
    """Return findings as lines in their order, the first ones of each kind; others are counted.

    Parameters
    ----------
    findings : iterable of Finding
    most : int, default=5
        Lines for each kind.

    Returns
    -------
    list of str
    """
    counts: Counter[str] = Counter()
    lines = []
    for finding in findings:
        counts[finding.kind] += 1
        if counts[finding.kind] <= most:
            lines.append(str(finding))
    more = [f"and {n - most} more: {kind}" for kind, n in counts.items() if n > most]
    return lines + more


def by_kind(findings: Iterable[Finding]) -> dict[str, list[Finding]]:
    """Return findings by their kind, the most frequent kind first."""
    found: dict[str, list[Finding]] = {}
    for finding in findings:
        found.setdefault(finding.kind, []).append(finding)
    return dict(sorted(found.items(), key=lambda item: -len(item[1])))
