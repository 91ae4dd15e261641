"""Sources: pretrained networks with their cards, named, checked and shipped."""

from sktl.sources._card import PropertyCard, SourceCard
from sktl.sources._checkpoint import read_tensors, write_tensors
from sktl.sources._inference import run_rows
from sktl.sources._source import (
    NETWORKS,
    REPRESENTATIONS,
    TRANSFORMS,
    Source,
    build_network,
    read_source,
)

__all__ = [
    "NETWORKS",
    "REPRESENTATIONS",
    "TRANSFORMS",
    "PropertyCard",
    "Source",
    "SourceCard",
    "build_network",
    "read_source",
    "read_tensors",
    "run_rows",
    "write_tensors",
]
