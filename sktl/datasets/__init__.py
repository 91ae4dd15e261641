"""Bundled measurements, and fetchers for public tables and crystals."""

from sktl.datasets._alloys import fetch_alloys
from sktl.datasets._cross_property import fetch_cross_property, list_cross_property
from sktl.datasets._expt_gap import load_expt_gap
from sktl.datasets._finetune_strategies import FinetuneStrategiesSet, fetch_finetune_strategies
from sktl.datasets._pretraining import fetch_pretraining_table, list_pretraining_tables

__all__ = [
    "FinetuneStrategiesSet",
    "fetch_alloys",
    "fetch_cross_property",
    "fetch_finetune_strategies",
    "fetch_pretraining_table",
    "list_cross_property",
    "list_pretraining_tables",
    "load_expt_gap",
]
