"""Bundled measurements, and fetchers for public tables."""

from sktl.datasets._pretraining import fetch_pretraining_table, list_pretraining_tables

__all__ = ["fetch_pretraining_table", "list_pretraining_tables"]
