"""Time the commands that people wait for: ``python benchmarks/speed/waiting.py``.

`sktl evaluate` on 500 measured band gaps and `sktl demo`, both with default settings. Measured are
wall time, which depends on what else the machine does, and processor time of all processes. With
``--beside FOLDER`` the package in another checkout is timed too. The result goes to
``benchmarks/results/waiting.json``.
"""

import argparse
import datetime
import json
import os
import platform
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from _measuring import judge

import sktl
from sktl.datasets import load_expt_gap

ROOT = Path(__file__).parents[2]
RESULT = ROOT / "benchmarks" / "results" / "waiting.json"
BARS = {"evaluate": ("at most", 180), "demo": ("at most", 120)}
COMMANDS = {
    "evaluate": "evaluate gaps.csv --target gap -o report.html --json",
    "demo": "demo --json",
}
CODE = "import sys; sys.argv[0] = 'sktl'; from sktl.cli import main; main()"


def write_table(path, n_rows=500):
    """Write measured band gaps, chosen at random, as a table."""
    frame = load_expt_gap().frame.sample(n_rows, random_state=0)[["Composition", "Eg"]]
    frame.columns = ["composition", "gap (eV)"]
    frame.to_csv(path, index=False)


def measure(arguments, package, folder):
    """Return wall and processor seconds of a command, and what it found."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    start = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", CODE, *arguments.split()],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(package)},
        stdout=subprocess.PIPE,
        check=True,
    )
    wall = time.perf_counter() - start
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    seconds = after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime
    found = json.loads(done.stdout)
    kept = {key: found[key] for key in ("headline", "verdict") if key in found}
    keys = "model", "mae", "test_mae", "fit_seconds"
    kept["models"] = [{key: row[key] for key in keys if key in row} for row in found["models"]]
    return {"wall_seconds": wall, "processor_seconds": seconds, "found": kept}


def main():
    """Measure both commands and write the result."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--beside", type=Path, help="another checkout to time as well")
    parser.add_argument("--command", choices=COMMANDS, help="time one of the two only")
    arguments = parser.parse_args()
    packages = {"now": ROOT} | ({"before": arguments.beside} if arguments.beside else {})
    found = json.loads(RESULT.read_text(encoding="utf-8")) if RESULT.exists() else {}
    for command in [arguments.command] if arguments.command else COMMANDS:
        for name, package in packages.items():
            with tempfile.TemporaryDirectory() as folder:
                write_table(Path(folder) / "gaps.csv")
                measured = measure(COMMANDS[command], package.resolve(), folder)
            found.setdefault(command, {})[name] = measured
        wall = found[command]["now"]["wall_seconds"]
        found.setdefault("bars", {})[command] = judge(wall, *BARS[command])
    found |= {
        "machine": {
            "processor": platform.processor() or platform.machine(),
            "cores": os.cpu_count(),
            "load": os.getloadavg(),
        },
        "version": sktl.__version__,
        "date": datetime.date.today().isoformat(),
    }
    text = json.dumps(found, indent=1, sort_keys=True)
    RESULT.write_text(text, encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
