"""The sources of a stack where a user names none."""

from __future__ import annotations

from typing import Any

from sktl._warnings import warn_caller
from sktl.exceptions import SourceNotFoundError
from sktl.sources import Source, load_source

AUTO = "auto"
FORMULA_DEFAULT = ("mpt",)
CRYSTAL_DEFAULT = ("oqmd", "mpt-structure", "nequix-omat")
"""Chosen by cross-validation within training points; see the page on fine-tuning strategies."""


def stack_sources(given: Any, kind: str) -> list[Source]:
    """Return the sources of a stack.

    A source of another publisher that is not here, and cannot be fetched, is left out of the
    default with a warning.

    Parameters
    ----------
    given : str, path-like, Source or list of these
        What the user named; "auto" for the default.
    kind : {"formulas", "structures", "columns"}
        What the materials are.

    Raises
    ------
    SourceNotFoundError
        There is no such source.
    """
    if not isinstance(given, str) or given != AUTO:
        named = given if isinstance(given, list | tuple) else [given]
        return [load_source(each) for each in named]
    if kind != "structures":
        return [load_source(name) for name in FORMULA_DEFAULT]
    found = []
    for name in CRYSTAL_DEFAULT:
        try:
            found.append(load_source(name))
        except SourceNotFoundError as error:
            warn_caller(
                f"The stack does without the source {name!r}, which is part of the default for "
                f"crystals: {error} Predictions are less accurate without it. Name the sources, "
                "such as source=['oqmd', 'mpt-structure'], where that is meant."
            )
    return found
