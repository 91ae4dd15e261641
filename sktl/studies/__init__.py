"""Published benchmarks, repeated: each number of a result is a cell that can be run again."""

from sktl.benchmark._cells import Cell, collect, read_rows, run_cells
from sktl.benchmark._configurations import CONFIGURATIONS, Task, Variant
from sktl.benchmark._cross_property import QUICK, cross_property_cells, run_cross_property_cell
from sktl.benchmark._figures import draw_figures
from sktl.benchmark._finetune_strategies import (
    BUDGETS,
    STRATEGIES,
    finetune_strategies_cells,
    run_finetune_strategies_cell,
)
from sktl.benchmark._kept_head import KeptHeadRegressor
from sktl.benchmark._layers import BestLayer
from sktl.benchmark._scoring import fit_and_score
from sktl.benchmark._study_figure import draw_study
from sktl.benchmark._summary import summarize
from sktl.benchmark._tables import fill_page, make_tables, markdown
from sktl.benchmark._tuning import BUDGET, SPACES, Budget, TunedRegressor

__all__ = [
    "BUDGET",
    "BUDGETS",
    "BestLayer",
    "CONFIGURATIONS",
    "QUICK",
    "SPACES",
    "STRATEGIES",
    "Budget",
    "Cell",
    "KeptHeadRegressor",
    "Task",
    "TunedRegressor",
    "Variant",
    "collect",
    "cross_property_cells",
    "draw_figures",
    "draw_study",
    "fill_page",
    "finetune_strategies_cells",
    "fit_and_score",
    "make_tables",
    "markdown",
    "read_rows",
    "run_cells",
    "run_cross_property_cell",
    "run_finetune_strategies_cell",
    "summarize",
]
