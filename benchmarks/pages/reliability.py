"""Write the figures of docs/reliability.md: ``python benchmarks/pages/reliability.py``.

They come from ``results/faults.json``, which ``python benchmarks/faults/provoke.py`` writes, and
from ``results/bombs.json`` of ``python benchmarks/faults/bombs.py`` and
``results/long_service.json`` of ``python benchmarks/speed/long_service.py``.
``--check`` changes nothing and fails where the page does not agree.
"""

import json
from pathlib import Path

from _page import write_page

from sktl.studies import markdown

ROOT = Path(__file__).parents[2]
RESULT = ROOT / "benchmarks" / "results" / "faults.json"
BOMBS = RESULT.with_name("bombs.json")
SERVICE = RESULT.with_name("long_service.json")
PAGE = ROOT / "docs" / "reliability.md"
PLACES = {
    "kill -9": ("kill-pretraining", "kill-benchmark", "kill-prediction", "kill-saving"),
    "signals": (
        *("signal-fit", "signal-predict", "signal-check"),
        *("signal-evaluate", "signal-pretrain"),
    ),
    "disks and caches": ("full-disk", "read-only-cache", "shared-cache"),
    "threads, workers, clocks": ("threads", "workers", "clock"),
}


def table(found, kinds):
    """Return a line for each kind of fault, as Markdown."""
    rows = []
    for kind in kinds:
        if kind not in found:
            rows.append((f"`{kind}`", "Not run yet.", "", "", "", ""))
            continue
        result = found[kind]
        seen = ", ".join(f"{what}: {count:,}" for what, count in result["seen"].items())
        failed = f"**{len(result['failures'])}**"
        times = f"{result['times']:,}"
        rows.append((f"`{kind}`", result["tried"], times, failed, seen, result["date"]))
    titles = ("kind", "what is done", "times", "failures", "what was seen", "date")
    return markdown(titles, rows, numbers=False)


def bombs():
    """Return a line for each bomb, as Markdown."""
    if not BOMBS.exists():
        return "Not run yet."
    rows = [
        (
            row["reader"],
            row["bomb"],
            f"{row['bytes']:,}",
            row["outcome"],
            f"{row['seconds']:.2f}",
            f"{row['MB']:,}",
        )
        for row in json.loads(BOMBS.read_text(encoding="utf-8"))["rows"]
    ]
    titles = ("reader", "what", "bytes", "outcome", "s", "MB, of which Python has about 330")
    return markdown(titles, rows, numbers=False)


def service():
    """Return memory and latency of each tenth of a long service, as Markdown."""
    if not SERVICE.exists():
        return "Not run yet."
    rows = [
        (
            f"{row['predictions']:,}",
            *(f"{row[key]:.2f}" for key in ("p50_ms", "p99_ms", "p50_cpu_ms", "p99_cpu_ms")),
            f"{row['MB']:.0f}",
        )
        for row in json.loads(SERVICE.read_text(encoding="utf-8"))["rows"]
    ]
    times = ("p50 (ms)", "p99 (ms)", "p50, processor time (ms)", "p99, processor time (ms)")
    return markdown(("predictions", *times, "memory (MB)"), rows)


def page_parts():
    """Return what stands between the page's markers."""
    found = json.loads(RESULT.read_text(encoding="utf-8"))
    parts = {place: table(found, kinds) for place, kinds in PLACES.items()}
    searches = [kind for kind in found if kind.startswith("fuzz-")]
    parts |= {"searches": table(found, searches), "bombs": bombs()}
    return parts | {"service": service()}


def main():
    """Write the page, or compare it."""
    write_page(PAGE, page_parts, __doc__, __file__)


if __name__ == "__main__":
    main()
