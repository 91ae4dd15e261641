"""The cross-property study of Gupta et al. 2021, doi:10.1038/s41467-021-26921-5, repeated."""

from sktl.studies.cross_property._configurations import CONFIGURATIONS, Task, Variant
from sktl.studies.cross_property._figures import draw_figures
from sktl.studies.cross_property._layers import BestLayer
from sktl.studies.cross_property._pretrained_head import PretrainedHeadRegressor
from sktl.studies.cross_property._study import QUICK, do_run, list_runs
from sktl.studies.cross_property._summary import summarize
from sktl.studies.cross_property._tables import make_tables

__all__ = [
    "CONFIGURATIONS",
    "QUICK",
    "BestLayer",
    "PretrainedHeadRegressor",
    "Task",
    "Variant",
    "do_run",
    "draw_figures",
    "list_runs",
    "make_tables",
    "summarize",
]
