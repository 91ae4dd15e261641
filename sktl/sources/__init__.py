"""Sources: pretrained networks with their cards, named, checked and shipped."""

from sktl.sources._card import PropertyCard, SourceCard, is_source_name
from sktl.sources._checkpoint import read_tensors, write_tensors
from sktl.sources._inference import run_rows
from sktl.sources._networks import (
    MODEL_NETWORKS,
    NETWORKS,
    REPRESENTATIONS,
    network_from_tensors,
    random_network,
)
from sktl.sources._page import card_page
from sktl.sources._registry import list_sources, load_source, register_source
from sktl.sources._source import Source, read_source
from sktl.sources._transforms import TRANSFORMS

__all__ = [
    "MODEL_NETWORKS",
    "NETWORKS",
    "REPRESENTATIONS",
    "TRANSFORMS",
    "PropertyCard",
    "Source",
    "SourceCard",
    "card_page",
    "is_source_name",
    "list_sources",
    "load_source",
    "network_from_tensors",
    "random_network",
    "read_source",
    "read_tensors",
    "register_source",
    "run_rows",
    "write_tensors",
]
