"""What the scripts share that write tables into pages."""

import argparse
import sys
from pathlib import Path

from sktl.studies import fill_page


def write_page(page, make_parts, doc, script):
    """Fill a page with its tables; with ``--check`` change nothing, and fail where they differ.

    Parameters
    ----------
    page : Path
        The page.
    make_parts : callable
        Returns what stands between the page's markers, as `fill_page` takes it.
    doc, script : str
        Docstring and file of the script, for help and for the message.

    Returns
    -------
    bool
        Whether the page was written.
    """
    parser = argparse.ArgumentParser(description=doc.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="compare the page only")
    check = parser.parse_args().check
    old = page.read_text(encoding="utf-8")
    new = fill_page(old, make_parts())
    if check and new != old:
        sys.exit(f"{page.name} is not up to date: python benchmarks/pages/{Path(script).name}")
    if not check:
        page.write_text(new, encoding="utf-8")
    return not check
