"""Repeat the cross-property benchmark: ``python benchmarks/cross_property.py --subset full``.

The same as ``sktl benchmark cross-property``, with the same options, but the results go to
``benchmarks/results/cross_property.csv`` and ``cross_property_predictions.npz``. Cells that stand
there are not run again.
"""

import sys
from pathlib import Path

from sktl.cli import main

RESULTS = Path(__file__).parent / "results"

if __name__ == "__main__":
    main(["benchmark", "cross-property", "--results", str(RESULTS), *sys.argv[1:]])
