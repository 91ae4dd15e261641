"""Pretrained networks with their cards: named, checked and shipped."""

from sktl.sources._architectures import (
    Architecture,
    Schedule,
    architecture_of,
    default_architecture,
    find_architecture,
    find_choice,
    list_architectures,
    register_architecture,
    register_own,
)
from sktl.sources._built_in import BUILT_IN
from sktl.sources._card import PropertyCard, SourceCard, is_source_name
from sktl.sources._catalog import DEFAULT_SOURCES
from sktl.sources._checkpoint import read_tensors, write_tensors
from sktl.sources._foreign import ForeignSource
from sktl.sources._inference import run_rows
from sktl.sources._networks import fill_network, network_from_tensors, random_network
from sktl.sources._page import card_page
from sktl.sources._registry import list_sources, load_source, register_source
from sktl.sources._source import Source, read_source
from sktl.sources._transforms import TRANSFORMS

__all__ = [
    "DEFAULT_SOURCES",
    "TRANSFORMS",
    "Architecture",
    "ForeignSource",
    "PropertyCard",
    "Schedule",
    "Source",
    "SourceCard",
    "architecture_of",
    "card_page",
    "default_architecture",
    "fill_network",
    "find_architecture",
    "find_choice",
    "is_source_name",
    "list_architectures",
    "list_sources",
    "load_source",
    "network_from_tensors",
    "random_network",
    "read_source",
    "read_tensors",
    "register_architecture",
    "register_source",
    "run_rows",
    "write_tensors",
]

register_own(BUILT_IN)
