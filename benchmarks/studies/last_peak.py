"""Predict the last peak of the phonon density of states without any fit.

    python benchmarks/studies/last_peak.py FOLDER

`HarmonicTransformer` takes a machine-learning interatomic potential that has learned no phonons.
Its force constants give the density of states of the test crystals of ``ph`` (Devi et al. 2024,
doi:10.1038/s41524-024-01486-1; FOLDER holds structures.parquet and splits.json). The errors of the
last peak go to ``benchmarks/results/last_peak.json``. Responses are kept in the cache, so that the
script can be stopped and continued.
"""

import argparse
import datetime
import json
from pathlib import Path

import numpy as np

from sktl import HarmonicTransformer, __version__
from sktl.datasets import fetch_finetune_strategies

RESULT = Path(__file__).parents[1] / "results" / "last_peak.json"
BAR = 30.0  # cm^-1
POINTS, TRIAL = 800, 1  # all trials have the same test crystals


def main():
    """Compute the test crystals' last peaks, and write their errors."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, help="folder of structures.parquet and splits.json")
    parser.add_argument("--source", default="nequix-omat", help="name of the potential")
    arguments = parser.parse_args()
    data = fetch_finetune_strategies("ph", folder=arguments.folder)
    test = data.trial(POINTS, TRIAL).test
    transformer = HarmonicTransformer(arguments.source, phonons=True)
    found = transformer.fit_transform([data.structures[row] for row in test])
    known = data.y[test]
    columns = dict(zip(transformer.get_feature_names_out(), found.T, strict=True))
    errors = columns["last_peak"] - known
    computed = np.isfinite(errors)
    mae = float(np.abs(errors[computed]).mean())
    result = {
        "source": transformer.source_.id,
        "source_sha256": transformer.source_sha256_,
        "crystals": len(test),
        "without_response": int((~computed).sum()),
        "unit": data.unit,
        "mae": mae,
        "median_error": float(np.median(np.abs(errors[computed]))),
        "mean_signed_error": float(errors[computed].mean()),
        "mae_of_largest_frequency": float(
            np.abs(columns["frequency_max"] - known)[computed].mean()
        ),
        "bar": BAR,
        "met": mae <= BAR and bool(computed.all()),
        "versions": {"sktl": __version__},
        "date": datetime.date.today().isoformat(),
    }
    text = json.dumps(result, indent=1, sort_keys=True)
    RESULT.write_text(text + "\n", encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
