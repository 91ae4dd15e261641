"""Bundled measurements, and fetchers for public tables."""

from sktl.datasets._cross_property import fetch_cross_property, list_cross_property
from sktl.datasets._expt_gap import load_expt_gap
from sktl.datasets._pretraining import fetch_pretraining_table, list_pretraining_tables

__all__ = [
    "fetch_cross_property",
    "fetch_pretraining_table",
    "list_cross_property",
    "list_pretraining_tables",
    "load_expt_gap",
]
