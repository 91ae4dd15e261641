"""Give small files that ask for much to their readers: ``python benchmarks/faults/bombs.py``.

Each reader is to refuse its bomb with an error of sktl, or be done, within 5 s of processor time
and 1 GB of memory. Each runs in a forked process, in which data segments beyond 4 GB and 60 s are
the end. What happened goes to ``benchmarks/results/bombs.json``; then
``python benchmarks/pages/reliability.py`` renews the page. ``--only TEXT`` tries those whose name
has this text in it, and keeps what the file says of the others. Linux only.
"""

import argparse
import datetime
import json
import os
import resource
import signal
import sys
import tempfile
import time
import warnings
from importlib.metadata import version
from pathlib import Path

import torch
from _bombs import BOMBS, write_models

from sktl.exceptions import SktlError

RESULT = Path(__file__).parents[1] / "results" / "bombs.json"
MOST_SECONDS, MOST_BYTES = 5.0, 10**9
LAST_SECONDS, LAST_BYTES = 60, 4 * 10**9
PACKAGES = ("sktl", "numpy", "openpyxl", "pyarrow", "pymatgen", "safetensors", "skops")


def in_fork(work, *arguments):
    """Return what a function returns in a fork, None if it ended, and how the fork ended."""
    receiver, sender = os.pipe()
    child = os.fork()
    if not child:
        os.close(receiver)
        os.write(sender, json.dumps(work(*arguments)).encode())
        os._exit(0)
    os.close(sender)
    with os.fdopen(receiver) as pipe:
        said = pipe.read()
    _, status, used = os.wait4(child, 0)
    return json.loads(said) if said else None, os.waitstatus_to_exitcode(status), used


def try_one(write, use, folder, kind):
    """Write a bomb and give it to its reader, both in forks, and return what happened."""
    path, code, _ = in_fork(lambda: str(write(folder, kind)))
    if path is None:
        raise RuntimeError(f"{kind} was not written: exit code {code}.")
    found, code, used = in_fork(read, use, Path(path))
    found = found or {"outcome": f"ended by {signal.strsignal(-code) if code < 0 else code}"}
    found.setdefault("seconds", round(used.ru_utime + used.ru_stime, 2))
    size = Path(path).stat().st_size
    return {"bytes": size} | found | {"MB": round(used.ru_maxrss * 1024 / 1e6)}


def read(use, path):
    """Read a file within limits, and return how it went."""
    resource.setrlimit(resource.RLIMIT_DATA, (LAST_BYTES, LAST_BYTES))
    resource.setrlimit(resource.RLIMIT_CPU, (LAST_SECONDS, LAST_SECONDS))
    warnings.simplefilter("ignore")
    found, start = {"outcome": "done"}, time.process_time()
    try:
        use(path)
    except SktlError as error:
        found = {"outcome": "refused", "error": type(error).__name__, "message": str(error)[:300]}
    except BaseException as error:
        found = {"outcome": "another error", "error": type(error).__name__}
        found["message"] = str(error)[:300]
    found["seconds"] = round(time.process_time() - start, 2)
    return found


def holds(found):
    """Tell whether a bomb did no harm."""
    within = found["seconds"] <= MOST_SECONDS and found["MB"] * 1e6 <= MOST_BYTES
    return within and found["outcome"] in ("refused", "done")


def main():
    """Try all bombs and write what happened; the exit code is 1 where one did harm."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", default="", metavar="TEXT")
    only = parser.parse_args().only
    torch.set_num_threads(1)
    failed = False
    with tempfile.TemporaryDirectory() as folder:
        in_fork(write_models, Path(folder))
        for reader, (use, kinds, write) in BOMBS.items():
            for kind in kinds:
                if only in f"{reader} {kind}":
                    found = {"reader": reader, "bomb": kind}
                    found |= try_one(write, use, Path(folder), kind)
                    found["message"] = found.get("message", "").replace(folder, "FOLDER")
                    found |= {"met": holds(found), "date": datetime.date.today().isoformat()}
                    print(json.dumps(found), flush=True)
                    failed = keep(found) or failed
    sys.exit(failed)


def keep(found):
    """Put what happened into the file, and return whether it did harm."""
    known = json.loads(RESULT.read_text(encoding="utf-8"))["rows"] if RESULT.exists() else []
    known = {(row["reader"], row["bomb"]): row for row in known}
    known[found["reader"], found["bomb"]] = found
    order = [(reader, kind) for reader, (_, kinds, _) in BOMBS.items() for kind in kinds]
    rows = [known[name] for name in order if name in known]
    result = {"rows": rows, "met": all(row["met"] for row in rows)}
    result["versions"] = {name: version(name) for name in PACKAGES}
    RESULT.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    return not found["met"]


if __name__ == "__main__":
    main()
