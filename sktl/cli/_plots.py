"""The demo's two figures, as PNG bytes."""

import io

from sktl.cli._comparison import BOOSTING, FOREST, SCRATCH, TRANSFER

# Colours of Okabe and Ito, told apart with any colour vision; markers and lines differ too.
_STYLES = {
    TRANSFER: {"color": "#0072B2", "marker": "o", "linestyle": "-"},
    SCRATCH: {"color": "#D55E00", "marker": "s", "linestyle": "--"},
    FOREST: {"color": "#009E73", "marker": "^", "linestyle": "-."},
    BOOSTING: {"color": "#CC79A7", "marker": "D", "linestyle": ":"},
}
_FIGURE_STYLE = {
    "font.size": 10,
    "axes.titlesize": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "legend.frameon": False,
}
_DOTS_PER_INCH = 150
_QUIET = "0.35"


def parity_plot(fits, names, measured):
    """Draw predicted against measured band gaps of the test rows, a panel for each model.

    Parameters
    ----------
    fits : list of Fit
        Fits on all training rows.
    names : dict
        Model to the name above its panel.
    measured : float array (n_test,)
        Measured band gaps (eV).

    Returns
    -------
    bytes
        A PNG file.
    """
    import matplotlib

    top = 1.03 * max(measured.max(), *(fit.predictions.max() for fit in fits))
    low = min(0.0, *(fit.predictions.min() for fit in fits)) - 0.03 * top
    n_columns = 2 if len(fits) == 4 else len(fits)
    with matplotlib.rc_context(_FIGURE_STYLE):
        n_rows = -(-len(fits) // n_columns)
        figure = _figure(3.4 * n_columns, 3.8 * n_rows + 0.6)
        figure.get_layout_engine().set(h_pad=0.1)
        axes = figure.subplots(n_rows, n_columns, sharex=True, sharey=True, squeeze=False)
        for axis, fit in zip(axes.flat, fits, strict=True):
            _parity_panel(axis, fit, measured)
            axis.set_title(
                f"{names[fit.model]}\nMAE {fit.mae:.3f} eV, $R^2$ {fit.r2:.3f}", loc="left"
            )
        axes[0, 0].set(xlim=(low, top), ylim=(low, top))
        for axis in axes[-1]:
            axis.set_xlabel("measured band gap (eV)")
        for axis in axes[:, 0]:
            axis.set_ylabel("predicted band gap (eV)")
        figure.suptitle(
            f"{len(measured):,} test rows of compositions that no model was fitted to. "
            "Line: predicted = measured.",
            x=0.01,
            ha="left",
            fontsize=10,
            color=_QUIET,
        )
        return _png(figure)


def _parity_panel(axis, fit, measured):
    """Scatter one model's predictions about the line on which they equal the measurements."""
    axis.axline((0, 0), slope=1, color=_QUIET, linewidth=1, zorder=3)
    color = _STYLES[fit.model]["color"]
    axis.scatter(measured, fit.predictions, s=10, alpha=0.35, linewidths=0, color=color)
    axis.set_aspect("equal")


def learning_curve(curves, names, n_test):
    """Draw the test error of each model against its number of training rows.

    Parameters
    ----------
    curves : dict
        Model to its fits, the smallest training set first.
    names : dict
        Model to its name in the legend.
    n_test : int
        Number of test rows, the same for every point.

    Returns
    -------
    bytes
        A PNG file.
    """
    import matplotlib
    from matplotlib.ticker import NullLocator

    with matplotlib.rc_context(_FIGURE_STYLE):
        figure = _figure(6.4, 4.4)
        axis = figure.subplots()
        for model, fits in curves.items():
            sizes = [fit.n_train for fit in fits]
            errors = [fit.mae for fit in fits]
            axis.plot(sizes, errors, label=names[model], markersize=6, **_STYLES[model])
        axis.set_xscale("log")
        axis.set_xticks(sizes, [f"{size:,}" for size in sizes])
        axis.xaxis.set_minor_locator(NullLocator())
        axis.set_ylim(bottom=0)
        axis.set_xlabel("training rows (formula and measured band gap)")
        axis.set_ylabel("mean absolute error (eV)")
        axis.set_title(f"Error on {n_test:,} test rows", loc="left")
        axis.grid(axis="y", color="0.9")
        axis.set_axisbelow(True)
        axis.legend(loc="lower left", handlelength=3.2)
        return _png(figure)


def _figure(width, height):
    """Return a figure (inches) that is independent of pyplot and of its backend."""
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), layout="constrained")


def _png(figure):
    content = io.BytesIO()
    figure.savefig(content, format="png", dpi=_DOTS_PER_INCH, bbox_inches="tight", pad_inches=0.1)
    return content.getvalue()
