"""Search all readers for a short time: ``python benchmarks/faults/search.py --seconds 60``.

Each target of `_fuzz.py` gets its share of the time, one after the other, from the stored seeds.
The exit code is 1 where one found something. Needs Atheris: ``pip install ".[faults]"``.
"""

import argparse
import re
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).parent
TARGETS = (
    *("formulas", "tables", "workbooks", "parquet", "cif"),
    *("poscar", "xyz", "cards", "sources", "models"),
)


def search(target, seconds, folder):
    """Search one target; return what it said where it found something, and the number of inputs."""
    command = [sys.executable, HERE / "_fuzz.py", target, folder / "corpus"]
    command += [f"-max_total_time={seconds}", "-seed=1"]  # the same inputs, so that a check repeats
    place = {"cwd": folder, "stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
    done = subprocess.run(command, **place, text=True, errors="replace")
    ended = re.search(r"Done (\d+) runs", done.stdout)
    fine = done.returncode == 0 and ended
    return "" if fine else done.stdout[-3000:], int(ended[1]) if ended else 0


def main():
    """Search all targets."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=int, default=60, help="of all targets together")
    parser.add_argument("--target", choices=TARGETS, action="append", help="not all, but these")
    arguments = parser.parse_args()
    targets = arguments.target or TARGETS
    seconds = max(1, arguments.seconds // len(targets))
    failed = False
    for target in targets:
        with tempfile.TemporaryDirectory() as folder:
            said, times = search(target, seconds, Path(folder))
        print(f"{target}: {times} inputs in {seconds} s", said, flush=True)
        failed |= bool(said)
    sys.exit(failed)


if __name__ == "__main__":
    main()
