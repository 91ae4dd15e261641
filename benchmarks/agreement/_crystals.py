"""What the comparisons with packages for crystals share: crystals, times, files of results."""

import datetime
import json
import statistics
import time
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from pymatgen.core import Structure

RESULTS = Path(__file__).parents[1] / "results"


def add_options(parser, *, n, max_atoms):
    """Give a parser the options that choose crystals."""
    parser.add_argument("structures", help="parquet file of structures")
    parser.add_argument("--n", type=int, default=n, help="number of crystals")
    parser.add_argument("--max-atoms", type=int, default=max_atoms, help="atoms of the largest")


def read_crystals(path, n, max_atoms):
    """Return n different crystals of at most so many atoms, at random.

    The file has the columns lattice (nine numbers, Angstrom), species, frac_coords, struct_hash.
    """
    frame = pd.read_parquet(path, columns=["lattice", "species", "frac_coords", "struct_hash"])
    frame = frame.drop_duplicates("struct_hash")
    frame = frame[frame["species"].map(len) <= max_atoms].sample(n, random_state=0)
    return [
        Structure(
            np.reshape(row.lattice, (3, 3)), list(row.species), np.reshape(row.frac_coords, (-1, 3))
        )
        for row in frame.itertuples()
    ]


def timed(function, *arguments):
    """Return what a function returns, and the processor's time in seconds."""
    start = time.process_time()
    result = function(*arguments)
    return result, time.process_time() - start


def speed(seconds, package):
    """Return times and their ratios.

    Parameters
    ----------
    seconds : float array (blocks, 2, 2)
        Of sktl first and the package second, for graphs first and the network second.
    package : str
        Name of the package.
    """
    columns = {"graphs": seconds[..., 0], "network": seconds[..., 1], "both": seconds.sum(axis=2)}
    return {
        "cpu_seconds": {
            key: dict(zip(("sktl", package), part.sum(axis=0).round(3).tolist(), strict=True))
            for key, part in columns.items()
        },
        "package_over_sktl": {
            key: float(part[:, 1].sum() / part[:, 0].sum()) for key, part in columns.items()
        },
        "package_over_sktl_median_of_blocks": {
            key: statistics.median((part[:, 1] / part[:, 0]).tolist())
            for key, part in columns.items()
        },
    }


def write_result(name, result, options, packages):
    """Write a result, with settings and versions, to the folder of results, and print it."""
    settings = {key: value for key, value in vars(options).items() if key != "structures"}
    result |= {
        "settings": settings | {"structures": Path(options.structures).name, "seed": 0},
        "threads": torch.get_num_threads(),
        "versions": {package: version(package) for package in packages},
        "date": datetime.date.today().isoformat(),
    }
    text = json.dumps(result, indent=1, sort_keys=True)
    (RESULTS / f"{name}.json").write_text(text + "\n", encoding="utf-8")
    print(text)
