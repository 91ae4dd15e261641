"""The sources in the package: data only, written by ``benchmarks/sources/ship.py``."""

import json
from pathlib import Path

WEIGHTS = Path(__file__).parent / "weights"
_CATALOG = json.loads((WEIGHTS / "catalog.json").read_text(encoding="utf-8"))

# Source id -> {"file": name in WEIGHTS, "sha256": of the file}.
SHIPPED = _CATALOG["sources"]

# Short name -> id of the source that it stands for in this version of sktl.
ALIASES = _CATALOG["aliases"]
