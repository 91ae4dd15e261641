"""Ctrl-C, SIGTERM and kill -9 to commands at random moments."""

import contextlib
import os
import signal
import time

from _kills import CONFIG, write_csv
from _processes import begin, make_rows, make_source, parts_in, run, sktl_command, timed

from sktl import TransferRegressor, load_model, load_source
from sktl.exceptions import SktlError

CODES = {signal.SIGINT: 130, signal.SIGTERM: 143, signal.SIGKILL: -signal.SIGKILL}
GONE, SOONEST = 2.0, 0.05
OUTSIDE = 75
AGAIN = 5  # one run in so many is followed by an undisturbed one
OLDER = b"older\n"
READERS = {".sktl": load_model, ".safetensors": load_source}


def signal_fit(times, folder, generator):
    """Send SIGINT, SIGTERM or SIGKILL to ``sktl fit`` at a random moment."""
    make_source().save(folder / "toy.safetensors")
    write_csv(folder / "data.csv", *make_rows(60))
    asked = "fit data.csv --target y --source toy.safetensors --save out.sktl"
    return _disturb(asked, "out.sktl", times, folder, generator)


def signal_predict(times, folder, generator):
    """Send SIGINT, SIGTERM or SIGKILL to ``sktl predict`` at a random moment."""
    formulas, y = make_rows(4000)
    model = TransferRegressor(make_source(), max_epochs=1, random_state=0)
    model.fit(formulas[:60], y[:60]).save(folder / "m.sktl")
    write_csv(folder / "new.csv", formulas, y)
    return _disturb("predict m.sktl new.csv -o out.csv", "out.csv", times, folder, generator)


def signal_check(times, folder, generator):
    """Send SIGINT, SIGTERM or SIGKILL to ``sktl check --fix`` at a random moment."""
    formulas, y = make_rows(20_000)
    formulas[:300] = [formula.replace("O2", "02") for formula in formulas[:300]]
    write_csv(folder / "data.csv", formulas, y)
    return _disturb("check data.csv --fix out.csv", "out.csv", times, folder, generator)


def signal_evaluate(times, folder, generator):
    """Send SIGINT, SIGTERM or SIGKILL to ``sktl evaluate`` at a random moment."""
    make_source().save(folder / "toy.safetensors")
    write_csv(folder / "data.csv", *make_rows(40))
    asked = "evaluate data.csv --target y --source toy.safetensors -o out.html"
    asked += " --models transfer,forest --folds 2 --repeats 1 --jobs 1"
    return _disturb(asked, "out.html", times, folder, generator)


def signal_pretrain(times, folder, generator):
    """Send SIGINT, SIGTERM or SIGKILL to ``sktl pretrain`` at a random moment."""
    (folder / "toy.toml").write_text(CONFIG)
    write_csv(folder / "toy.csv", *make_rows(200))
    asked = "pretrain toy.toml -o out.safetensors"
    return _disturb(asked, "out.safetensors", times, folder, generator, more={"out.checkpoint"})


def _disturb(asked, output, times, folder, generator, more=frozenset()):
    """Send a signal to each of many runs of a command; return failures, and what was seen.

    A run counts as failed where it is not gone within two seconds, ends with another code than the
    signal's, leaves part of an output or a file beyond `more`, changes an input, or where the same
    command fails afterwards. What comes before a command takes signals, or after it has given them
    back, is counted: Python itself ends then.
    """
    place = folder / output
    given = {path.name: path.read_bytes() for path in folder.iterdir()}
    seconds = timed(_command, folder, asked)
    whole = place.read_bytes()
    failures = []
    outputs = "no output", "older output", "whole output"
    seen = dict.fromkeys((*outputs, "before or after", "slowest end (ms)"), 0)
    for i in range(times):
        place.unlink(missing_ok=True)
        if i % 2:
            place.write_bytes(OLDER)
        number = list(CODES)[i % len(CODES)]
        code, taken = _stop(folder, asked, number, generator.uniform(SOONEST, seconds))
        found = place.read_bytes() if place.exists() else None
        wrong = _faults(folder, given, {output, *more}, number)
        if number != signal.SIGKILL and code in (OUTSIDE, -number):
            seen["before or after"] += 1
        elif code not in (0, CODES[number]):
            wrong.append(f"exit code {code}")
        if found in (None, OLDER):
            seen["older output" if found else "no output"] += 1
        elif _is_whole(place, whole):
            seen["whole output"] += 1
        else:
            wrong.append(f"{len(found)} of {len(whole)} bytes")
        if not i % AGAIN:
            ended = run(_command, folder, asked)
            if ended.code != 0 or not _is_whole(place, whole):
                wrong.append(f"the next run: {ended.code}, {ended.output[-300:]}")
        for path in (*parts_in(folder), *(folder / name for name in more)):
            path.unlink(missing_ok=True)
        if number != signal.SIGKILL:
            seen["slowest end (ms)"] = max(seen["slowest end (ms)"], round(1000 * taken))
        failures += [f"run {i}, {number.name}: {each}" for each in wrong]
    return failures, seen


def _command(folder, asked):
    with contextlib.chdir(folder):
        try:
            return sktl_command(*asked.split())
        except KeyboardInterrupt:  # before it takes signals, or after it has given them back
            return OUTSIDE


def _stop(folder, asked, number, seconds):
    """Start a command and send it a signal; return its exit code, and the seconds to its end."""
    process, receiver = begin(_command, folder, asked)
    time.sleep(seconds)
    start = time.perf_counter()
    os.kill(process.pid, number)
    process.join(GONE)
    taken, code = time.perf_counter() - start, process.exitcode
    process.kill()
    process.join()
    receiver.close()
    return code, taken


def _faults(folder, given, known, number):
    """Return which inputs are not as before, and which files should not be there."""
    wrong = [f"{name} was changed" for name, old in given.items() if _read(folder / name) != old]
    parts = {path.name for path in parts_in(folder)} if number == signal.SIGKILL else set()
    left = {path.name for path in folder.iterdir()} - set(given) - known - parts
    return wrong + [f"{name} was left" for name in sorted(left)]


def _read(path):
    return path.read_bytes() if path.exists() else None


def _is_whole(place, whole):
    """Tell whether an output is whole; reports and models have times in them."""
    if place.suffix == ".html":
        return place.read_bytes().rstrip().endswith(b"</html>")
    if place.suffix in READERS:
        with contextlib.suppress(SktlError):
            return READERS[place.suffix](place).predict(["SiO2"]).size == 1
        return False
    return place.read_bytes() == whole
