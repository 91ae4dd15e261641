"""Repeat the study of strategies: ``python benchmarks/finetune_strategies.py --budget cpu``.

The same as ``sktl benchmark finetune-strategies``, with the same options, but the results go to
``benchmarks/results/finetune_strategies.csv`` and ``finetune_strategies_predictions.npz``. Cells
that stand there are not run again.
"""

import sys
from pathlib import Path

from sktl.cli import main

RESULTS = Path(__file__).parent / "results"

if __name__ == "__main__":
    main(["benchmark", "finetune-strategies", "--results", str(RESULTS), *sys.argv[1:]])
