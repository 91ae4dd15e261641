"""Figures of errors and predictions along the columns beside the material."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from sktl.evaluation._figures import COLOURS, new_figure, styled

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from sktl.evaluation._conditions import Response

_MOST_COLUMNS = 4
_LONGEST = 24
_LINES = tuple(zip(COLOURS.values(), "os^Dv", strict=False))


@styled
def draw_conditions(
    errors: Mapping[str, Sequence[Mapping[str, Any]]],
    responses: Sequence[Response],
    titles: tuple[str, str],
    measure: str,
) -> Figure:
    """Draw for each column the errors in its parts, and below the responses of some compounds.

    Parameters
    ----------
    errors : dict of str to list of dict
        What `errors_by_condition` returned; the first four columns are drawn.
    responses : list of Response
    titles : (str, str)
        Of what is predicted, and of an error.
    measure : str
        What an error is called in `errors`.

    Returns
    -------
    matplotlib.figure.Figure
    """
    names = [name for name in errors if any(each.column == name for each in responses)]
    names = names[:_MOST_COLUMNS]
    figure = new_figure(3.6 * max(len(names), 1), 6.4)
    axes = figure.subplots(2, max(len(names), 1), squeeze=False)
    for place, name in enumerate(names):
        _bars(axes[0][place], errors[name], measure)
        _curves(axes[1][place], [each for each in responses if each.column == name])
        axes[1][place].set_xlabel(_short(name))
        axes[0][place].set_title(_short(name))
    axes[0][0].set_ylabel(titles[1])
    axes[1][0].set_ylabel(titles[0])
    handles, labels = axes[1][0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=2, fontsize="small")
    return figure


def _bars(axis: Axes, parts: Sequence[Mapping[str, Any]], measure: str) -> None:
    places = range(len(parts))
    axis.bar(places, [part[measure] for part in parts], color=COLOURS["blue"], alpha=0.7)
    labels = [
        f"{_short(part['part'])}\n{part['rows']} row{'' if part['rows'] == 1 else 's'}"
        for part in parts
    ]
    axis.set_xticks(list(places), labels, rotation=60, ha="right", fontsize="small")


def _curves(axis: Axes, responses: Sequence[Response]) -> None:
    for response, (color, marker) in zip(responses, _LINES, strict=False):
        numeric = not isinstance(response.values[0], str)
        line = "-" if numeric else ":"
        places = response.values if numeric else list(range(len(response.values)))
        label = _short(response.formula)
        axis.plot(places, response.predicted, line, color=color, label=label)
        known = [
            (value if numeric else response.values.index(value), y)
            for value, y in response.known
            if numeric or value in response.values
        ]
        axis.plot(*zip(*known, strict=True), marker, color=color, markersize=4, alpha=0.6)
        if not numeric:
            ticks = [_short(value) for value in response.values]
            axis.set_xticks(places, ticks, rotation=60, ha="right", fontsize="small")


def _short(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"
