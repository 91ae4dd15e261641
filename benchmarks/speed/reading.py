"""Time how an estimator reads formulas, beside another checkout of sktl.

    python benchmarks/speed/reading.py --beside CHECKOUT

Reading is what ``DeepFeatureTransformer.fit`` does to X: it checks, parses and encodes the rows;
no network runs on more than one row. Each run is a new process, of both versions in turns; seconds
are those of the process, so that other work on the machine does not count. The time of ``import
sktl``, by the clock, is taken on the way. The result goes to ``benchmarks/results/reading.json``,
and in words to ``docs/scaling.md``. The environment variable ``SKTL_DATA_MIRROR`` names a copy
of the public data files.
"""

import argparse
import datetime
import json
import os
import subprocess
import sys
from importlib.metadata import version
from itertools import cycle, islice
from pathlib import Path

from _formulas import describe, distinct_formulas
from _measuring import judge

from sktl.studies import fill_page

HERE = Path(__file__).parents[2]
RESULT = HERE / "benchmarks" / "results" / "reading.json"
PAGE = HERE / "docs" / "scaling.md"
FASTER, IMPORT = ("at most", 0.85), ("at most", 0.3)
CHILD = """
import hashlib, json, sys, time
clock = time.perf_counter()
import sktl
imported = time.perf_counter() - clock
formulas = sys.stdin.read().split()
model = sktl.DeepFeatureTransformer(sktl.load_source("oqmd")).fit(formulas[:10])
seconds = []
for _ in range(2):
    start = time.process_time()
    model.fit(formulas)
    seconds.append(time.process_time() - start)
from sktl.representations import parse_formulas
read = parse_formulas(formulas)
found = hashlib.sha256(read.numbers.tobytes() + read.amounts.tobytes() + read.offsets.tobytes())
print(json.dumps(dict(
    file=sktl.__file__, import_seconds=imported, seconds=min(seconds), sha256=found.hexdigest()
)))
"""


def measure(checkout, formulas):
    """Return what a new process measures that has sktl from a checkout."""
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, "-c", CHILD],
        input="\n".join(formulas),
        capture_output=True,
        text=True,
        check=True,
        cwd=checkout,  # first on the import path
        env=environment,
    )
    found = json.loads(done.stdout)
    if not Path(found.pop("file")).is_relative_to(checkout):
        sys.exit(f"Got another sktl than that of {checkout}, expected a checkout.")
    return found


def commit(checkout):
    """Return the short commit of a checkout."""
    command = ["git", "-C", str(checkout), "rev-parse", "--short", "HEAD"]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def run(beside, n, repeats, seed=0):
    """Measure both checkouts in turns.

    Parameters
    ----------
    beside : Path
        The other checkout.
    n : int
        Rows: the distinct formulas of the table in random order, and again from the first on.
    repeats : int
        Rounds; each starts one process of both versions.
    seed : int, default=0
        Of the order.

    Returns
    -------
    dict
        CPU seconds of each run of both, the ratio of the shortest, and the bars.
    """
    formulas = list(islice(cycle(distinct_formulas(seed=seed)), n))
    checkouts = {"here": HERE, "beside": beside.resolve()}
    runs = {name: [] for name in checkouts}
    for _ in range(repeats):
        for name, checkout in checkouts.items():
            runs[name].append(measure(checkout, formulas))
    shortest = {name: min(each["seconds"] for each in found) for name, found in runs.items()}
    ratio = shortest["here"] / shortest["beside"]
    imported = min(each["import_seconds"] for each in runs["here"])
    digests = {each["sha256"] for found in runs.values() for each in found}
    return {
        **describe(formulas, seed),
        "commits": {name: commit(checkout) for name, checkout in checkouts.items()},
        "cpu_seconds": {
            name: [round(each["seconds"], 3) for each in found] for name, found in runs.items()
        },
        "here_over_beside": ratio,
        "read_alike": len(digests) == 1,
        "import_seconds": imported,
        "bars": {
            "here_over_beside": judge(ratio, *FASTER),
            "import_seconds": judge(imported, *IMPORT),
        },
        "versions": {name: version(name) for name in ("numpy", "torch", "scikit-learn")},
        "date": datetime.date.today().isoformat(),
    }


def words(found):
    """Return the result as a sentence for the page."""
    shortest = {name: min(seconds) for name, seconds in found["cpu_seconds"].items()}
    return (
        f"Reading is the small part: {found['n_rows']:,} formulas take {shortest['here']:.2f} s of "
        f"processor time to check, parse and encode (`python benchmarks/speed/reading.py`; commit "
        f"{found['commits']['beside']} took {shortest['beside']:.2f} s beside it). `import sktl` "
        f"takes {found['import_seconds']:.3f} s."
    )


def main():
    """Read the arguments, measure, and write the result."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--beside", type=Path, required=True, help="Checkout of another commit.")
    parser.add_argument("--rows", type=int, default=400_000)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--output", type=Path, default=RESULT, help="Result file.")
    arguments = parser.parse_args()
    found = run(arguments.beside, arguments.rows, arguments.repeats)
    text = json.dumps(found, indent=1)
    arguments.output.write_text(text + "\n", encoding="utf-8")
    print(text)
    if arguments.output == RESULT:
        page = PAGE.read_text(encoding="utf-8")
        PAGE.write_text(fill_page(page, {"reading": words(found)}), encoding="utf-8")


if __name__ == "__main__":
    main()
