"""Predict for millions of formulas with one worker and with two.

    python benchmarks/speed/scale.py

Makes formulas of oxides, other salts and intermetallics, fits a model to measured band gaps, and
predicts all of them with `sktl.scale.predict_partitions`, by one worker and by two. With ``--kill``
two more runs by two workers lose a worker, and the client with all workers, by SIGKILL in the
middle; the second is called again. All outputs are compared byte by byte. What is done stays in the
folder, so that the same command continues where it was stopped. The result goes to
``benchmarks/results/scale.json``, and from there to a table in ``docs/scaling.md``.
"""

import argparse
import datetime
import hashlib
import json
import os
import platform
import resource
import shutil
import signal
import subprocess
import sys
import time
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pyarrow
import pyarrow.parquet
from _measuring import judge

from sktl import TransferRegressor
from sktl.datasets import load_expt_gap
from sktl.scale import local_cluster, predict_partitions
from sktl.studies import fill_page, markdown

RESULT = Path(__file__).parents[1] / "results" / "scale.json"
PAGE = Path(__file__).parents[2] / "docs" / "scaling.md"
CHARGES = {
    1: "Li Na K Cu Rb Ag Cs Au Tl",
    2: "Be Mg Ca Mn Fe Co Ni Zn Sr Pd Cd Sn Ba Pt Hg Pb",
    3: "Al Sc V Cr Ga Y Rh In La Ce Nd Sm Gd Dy Er Yb Bi",
    4: "Ti Zr Ru Hf Os Ir",
    5: "Nb Ta Re",
    6: "Mo W",
}
METALS = [(symbol, charge) for charge, symbols in CHARGES.items() for symbol in symbols.split()]
ANIONS = [("O", 2)] + [(symbol, 1) for symbol in "F Cl Br I H".split()]
ANIONS += [(symbol, 2) for symbol in "S Se Te".split()] + [(s, 3) for s in "N P As B".split()]
CHUNK = 500_000
N_TRAIN = 1000
BARS = {
    "rows": ("at least", 10_000_000),
    "ratio": ("at least", 1.7),
    "worker_peak_gb": ("at most", 2),
}


def random_formulas(n, generator):
    """Return n formulas: oxides (half of them), salts of other anions, and intermetallics.

    One to four metals have amounts of 1 to 6; the anion balances their usual charges, rounded up.
    """
    metals = generator.permuted(np.tile(np.arange(len(METALS)), (n, 1)), axis=1)[:, :4].tolist()
    counts = generator.choice([1, 2, 3], n, p=[0.2, 0.5, 0.3]).tolist()
    amounts = generator.choice(6, (n, 4), p=[0.4, 0.25, 0.15, 0.1, 0.05, 0.05]) + 1
    others = generator.integers(1, len(ANIONS), n)
    kinds = generator.random(n)
    anions = np.where(kinds < 0.5, 0, np.where(kinds < 0.8, others, -1)).tolist()
    formulas = []
    for chosen, count, row, anion in zip(metals, counts, amounts.tolist(), anions, strict=True):
        count += anion < 0
        parts = [(*METALS[i], a) for i, a in zip(chosen[:count], row[:count], strict=True)]
        words = [f"{symbol}{a}" if a > 1 else symbol for symbol, _, a in parts]
        if anion >= 0:
            symbol, charge = ANIONS[anion]
            words.append(f"{symbol}{-(-sum(each * a for _, each, a in parts) // charge)}")
        formulas.append("".join(words))
    return formulas


def write_formulas(path, n):
    """Write n formulas with a running number as Parquet, chunk by chunk."""
    schema = pyarrow.schema([("id", pyarrow.int64()), ("formula", pyarrow.string())])
    part = path.with_suffix(".part")
    with pyarrow.parquet.ParquetWriter(part, schema) as writer:
        for chunk, start in enumerate(range(0, n, CHUNK)):
            generator = np.random.default_rng([0, chunk])
            formulas = random_formulas(CHUNK, generator)[: n - start]
            numbers = np.arange(start, start + len(formulas))
            writer.write_table(pyarrow.table([numbers, formulas], schema=schema))
    part.rename(path)


def write_model(path):
    """Fit with default settings to some measured band gaps."""
    frame = load_expt_gap().frame.sample(N_TRAIN, random_state=0)
    model = TransferRegressor(random_state=0).fit(frame["Composition"], frame["Eg"])
    model.save(path, target="band gap", unit="eV")


def peak_gb():
    """Return the peak memory of this process."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9


def measure(workers, paths, partition_rows):
    """Predict in this process as the client; print the workers' pids, and then the figures."""
    start = time.perf_counter()
    with local_cluster(workers) as client:
        pids = list(client.run(os.getpid).values())
        print(json.dumps(pids), flush=True)
        begin = time.perf_counter()
        made = predict_partitions(*paths, partition_rows=partition_rows, client=client)
        seconds = time.perf_counter() - begin
        peaks = list(client.run(peak_gb).values())
    found = {
        "workers": workers,
        "start_seconds": begin - start,
        "seconds": seconds,
        "formulas_per_second": made["rows"] / seconds,
        "formulas_per_second_and_worker": made["rows"] / seconds / workers,
        "worker_peak_gb": peaks,
        "client_peak_gb": peak_gb(),
        "parts": made["parts"],
        "done_before": made["done_before"],
    }
    print(json.dumps(found), flush=True)


class Runs:
    """The runs of one input in a folder; each is done once, its figures kept beside its output."""

    def __init__(self, folder, model, partition_rows):
        self.folder, self.partition_rows = folder, partition_rows
        self.data, self.model = folder / "formulas.parquet", model

    def output(self, name):
        """Return the folder of the predictions of a run."""
        return self.folder / f"{name}.parquet"

    def start(self, name, workers):
        """Start the client of a run; return its process and the pids of its workers."""
        paths = map(str, (self.model, self.data, self.output(name)))
        command = [sys.executable, __file__, "--measure", str(workers), *paths]
        command += ["--partition-rows", str(self.partition_rows)]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        return process, json.loads(process.stdout.readline())

    def do(self, name, play):
        """Return the figures of a run with the digest of its output, from earlier if it is done."""
        known = self.folder / f"{name}.json"
        if not known.exists():
            shutil.rmtree(self.output(name), ignore_errors=True)
            figures = play(name) | {"sha256": digest(self.output(name))}
            known.write_text(json.dumps(figures))
        return json.loads(known.read_text())

    def plain(self, workers):
        """Return what plays a run that nothing disturbs."""
        return lambda name: finish(self.start(name, workers)[0])

    def lose_worker(self, name):
        """Kill a worker in the middle; the run is to finish by itself."""
        process, pids = self.start(name, 2)
        there = self.wait_for_half(name)
        os.kill(pids[0], signal.SIGKILL)
        return finish(process) | {"parts_at_kill": there}

    def lose_client(self, name):
        """Kill the client in the middle, wait until its workers are gone, and call it again."""
        process, pids = self.start(name, 2)
        there = self.wait_for_half(name)
        process.kill()
        process.wait()
        start = time.perf_counter()
        while any(map(runs, pids)):
            time.sleep(0.1)
        gone = time.perf_counter() - start
        again = finish(self.start(name, 2)[0])
        return again | {"parts_at_kill": there, "workers_gone_seconds": gone}

    def wait_for_half(self, name):
        """Wait until a good third of the parts is there, and return how many these are."""
        manifest = self.output(name) / "_manifest.json"
        while not manifest.exists():
            time.sleep(0.02)
        n = len(json.loads(manifest.read_text())["parts"])
        while (there := len(list(self.output(name).glob("part-*")))) < n // 3 + 1:
            time.sleep(0.02)
        return there


def runs(pid):
    """Tell whether a process runs; one that has ended and was not waited for does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def finish(process):
    """Return the figures of a run once its client has ended."""
    lines = process.communicate()[0].splitlines()
    if process.returncode:
        raise SystemExit(f"The run ended with {process.returncode}.")
    return json.loads(lines[-1])


def digest(folder):
    """Return a hash of all part files of a folder, their names and their content."""
    found = hashlib.sha256()
    for path in sorted(folder.glob("part-*")):
        found.update(path.name.encode())
        found.update(path.read_bytes())
    return found.hexdigest()


def judge_all(found):
    """Return each bar with what was measured, and whether it is met."""
    values = found | {"worker_peak_gb": max(map(max, (r["worker_peak_gb"] for r in found["runs"])))}
    bars = {name: judge(values[name], *bar) for name, bar in BARS.items()}
    equal = found["equal"]
    return bars | {"equal": {"value": equal, "bar": "all outputs", "met": equal}}


def run(arguments):
    """Do all runs and return the result."""
    folder = arguments.folder.resolve() / str(arguments.rows)
    folder.mkdir(parents=True, exist_ok=True)
    model = arguments.model or folder / "model.sktl"
    if not model.exists():
        write_model(model)
    runs_ = Runs(folder, model.resolve(), arguments.partition_rows)
    if not runs_.data.exists():
        write_formulas(runs_.data, arguments.rows)
    found = [runs_.do(f"workers-{n}", runs_.plain(n)) for n in (1, 2)]
    killed = {}
    if arguments.kill:
        killed["worker"] = runs_.do("worker-killed", runs_.lose_worker)
        killed["client"] = runs_.do("client-killed", runs_.lose_client)
    outputs = {each["sha256"] for each in [*found, *killed.values()]}
    result = {
        "rows": arguments.rows,
        "partition_rows": arguments.partition_rows,
        "runs": found,
        "ratio": found[1]["formulas_per_second"] / found[0]["formulas_per_second"],
        "killed": killed,
        "equal": len(outputs) == 1,
        "input_gb": runs_.data.stat().st_size / 1e9,
        "machine": {
            "processor": platform.processor() or platform.machine(),
            "cores": os.cpu_count(),
            "load_average": os.getloadavg()[2],
        },
        "versions": {name: version(name) for name in ("torch", "numpy", "distributed", "pyarrow")},
        "date": datetime.date.today().isoformat(),
    }
    return result | {"bars": judge_all(result)}


def table(result):
    """Return the result as Markdown."""
    rows = [
        (
            str(found["workers"]),
            f"{found['seconds'] / 60:.1f}",
            f"{found['formulas_per_second']:,.0f}",
            f"{found['formulas_per_second_and_worker']:,.0f}",
            f"{max(found['worker_peak_gb']):.2f}",
            f"{found['client_peak_gb']:.2f}",
        )
        for found in result["runs"]
    ]
    titles = ("workers", "minutes", "formulas per second", "per second and worker")
    titles += ("peak memory of a worker (GB)", "of the client (GB)")
    text = (
        f"`python benchmarks/speed/scale.py` on {result['machine']['cores']} cores "
        f"({result['machine']['processor']}): {result['rows']:,} formulas in parts of "
        f"{result['partition_rows']:,}, a `TransferRegressor` with default settings, with standard "
        "deviations, intervals and applicability. Two workers are "
        f"{result['ratio']:.2f} times as fast as one."
    )
    if result["killed"]:
        same = "equal" if result["equal"] else "NOT equal"
        text += (
            " A worker, and in another run the client, was killed in the middle; all outputs are "
            f"complete and {same} to the byte."
        )
    return "\n\n".join([markdown(titles, rows), text])


def main():
    """Read the arguments, do the runs, and write the result."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=10_000_000)
    parser.add_argument("--model", type=Path, help="Model file [default: fitted here].")
    parser.add_argument("--folder", type=Path, default=Path("sktl-scale"), help="For what is made.")
    parser.add_argument("--partition-rows", type=int, default=20_000)
    parser.add_argument("--kill", action="store_true", help="Kill a worker, and the client.")
    parser.add_argument("--output", type=Path, default=RESULT, help="Result file.")
    parser.add_argument("--measure", nargs=4, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.measure:
        workers, *paths = arguments.measure
        measure(int(workers), paths, arguments.partition_rows)
        return
    text = json.dumps(run(arguments), indent=1)
    arguments.output.write_text(text + "\n", encoding="utf-8")
    print(text)
    if arguments.output == RESULT:
        page = PAGE.read_text(encoding="utf-8")
        PAGE.write_text(fill_page(page, {"scale table": table(json.loads(text))}), "utf-8")


if __name__ == "__main__":
    main()
