"""The figure of the study of strategies: errors over the number of points."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import matplotlib

from sktl.evaluation import PAGE_STYLE
from sktl.studies._drawing import DARK, LINES, QUIET, Panels, draw_panels, to_png

_TICKS = (100, 200, 400, 800)
_PUBLISHED = (
    {"color": QUIET, "marker": "v", "linestyle": ":"},
    {"color": QUIET, "marker": "+", "linestyle": "--"},
    {"color": DARK, "marker": "x", "linestyle": "-."},
)


def draw_figure(panels: Panels, published: Sequence[str]) -> bytes:
    """Draw the errors of strategies over the number of points, a panel for each property.

    Parameters
    ----------
    panels : dict of str to (str, dict of str to list of (points, mean, spread))
        By property the unit, and the errors of each strategy by its name.
    published : sequence of str
        Names of at most three strategies that stay in the background, beside eight others.

    Returns
    -------
    bytes
        A PNG file.
    """
    names = list(dict.fromkeys(name for _, curves in panels.values() for name in curves))
    ours = [name for name in names if name not in published]
    lines = [{**line, "linestyle": "-"} for line in LINES[: len(ours)]]
    styles: dict[str, Any] = dict(zip(published, _PUBLISHED[: len(published)], strict=True))
    styles |= dict(zip(ours, lines, strict=True))
    with matplotlib.rc_context(PAGE_STYLE):
        return to_png(draw_panels(panels, styles, _TICKS, "points"))
