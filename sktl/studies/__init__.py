"""Published studies, repeated: runs that are done once and can be continued, and their results."""

from sktl.studies._pages import fill_page, markdown
from sktl.studies._runs import Run, collect, do_runs, read_rows

__all__ = ["Run", "collect", "do_runs", "fill_page", "markdown", "read_rows"]
