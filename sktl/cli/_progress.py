"""A bar with the time left, for work whose steps are known and of very different length."""

from __future__ import annotations

import sys
import threading
import time
from typing import Self


class ProgressBar:
    """A bar with the time left, moved each second; nothing where there is no terminal."""

    def __enter__(self) -> Self:
        from tqdm import tqdm

        layout = "{percentage:3.0f}%|{bar:20}| {elapsed}, {desc}"
        self._bar = tqdm(total=1.0, disable=None, leave=False, bar_format=layout, desc="begin")
        self._before, self._after, self._pace, self._what = 0.0, 0.0, 0.0, ""
        self._start = self._since = time.perf_counter()
        self._stop = threading.Event()
        self._clock = threading.Thread(target=self._tick, daemon=True)
        self._clock.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._stop.set()
        self._clock.join()
        self._bar.close()

    def report(self, model: str, n_train: int, before: float, after: float, total: float) -> None:
        """Show what is being fitted, and how far the work is; times are estimates in seconds."""
        if before == 0 and not self._bar.disable:
            self._bar.write(f"This takes about {_duration(total)}.", file=sys.stderr)
        self._since = time.perf_counter()
        self._before, self._after = before / total, after / total
        self._pace = self._before / (self._since - self._start) if before else 1 / total
        self._what = f"{model}, {n_train:,} rows"
        self._move()

    def _tick(self) -> None:
        while not self._stop.wait(1.0):
            self._move()

    def _move(self) -> None:
        """Go on at the pace so far, but not beyond the fit that is running."""
        ahead = self._before + self._pace * (time.perf_counter() - self._since)
        self._bar.n = min(ahead, 0.1 * self._before + 0.9 * self._after)
        if self._pace:
            left = self._bar.format_interval((1 - self._bar.n) / self._pace)
            self._bar.set_description_str(f"about {left} left: {self._what}", refresh=False)
        self._bar.refresh()


def _duration(seconds: float) -> str:
    return f"{seconds:.0f} seconds" if seconds < 90 else f"{seconds / 60:.0f} minutes"
