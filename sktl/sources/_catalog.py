"""The sources in the package: data only, written by ``benchmarks/sources/ship.py``."""

from __future__ import annotations

import json
from pathlib import Path

WEIGHTS = Path(__file__).parent / "weights"
_CATALOG = json.loads((WEIGHTS / "catalog.json").read_text(encoding="utf-8"))

# Source id -> {"file": name in WEIGHTS, "sha256": of the file}.
SHIPPED: dict[str, dict[str, str]] = _CATALOG["sources"]

# Short name -> id of the source that it stands for in this version of sktl.
ALIASES: dict[str, str] = _CATALOG["aliases"]

# What an estimator starts from where nobody says more, by what X is.
DEFAULT_SOURCES: dict[str, str] = {"formulas": "mpt", "structures": "mpt-structure"}
