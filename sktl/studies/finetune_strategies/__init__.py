"""The study of strategies of Devi et al. 2024, doi:10.1038/s41524-024-01486-1, repeated."""

from sktl.studies.finetune_strategies._figure import draw_figure
from sktl.studies.finetune_strategies._study import BUDGETS, STRATEGIES, do_run, list_runs

__all__ = ["BUDGETS", "STRATEGIES", "do_run", "draw_figure", "list_runs"]
