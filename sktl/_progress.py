"""How far work is: a bar with the time left on a terminal, a line a minute in a file.

Nothing is shown unless somebody up the call has asked for it with `show_progress`, as every command
does. Of works within each other the innermost is shown.
"""

from __future__ import annotations

import contextlib
import sys
import threading
import time
from collections.abc import Iterable, Iterator
from contextvars import ContextVar
from typing import TypeVar

from tqdm import tqdm

DELAY = 2.0
"""What takes less, in seconds, is not shown on a terminal."""

TICK = 0.5
LINE_EVERY = 60.0
_Item = TypeVar("_Item")
_Work = TypeVar("_Work", bound="Work")


class Work:
    """Some work, and how much of it is done.

    Parameters
    ----------
    title : str
        What it is, in words.
    total : float or None, default=None
        Units of work in all; None where nobody knows.
    unit : str, default="step"
        What these are, in the plural.
    done : float, default=0
        Units that were done before, such as those of a run that is continued.
    """

    def __init__(
        self, title: str, total: float | None = None, unit: str = "steps", done: float = 0
    ) -> None:
        self.title, self.total, self.unit = title, total, unit
        self.done = self.before = done
        self.since = time.perf_counter()

    @property
    def seconds(self) -> float:
        """Since it began."""
        return time.perf_counter() - self.since

    def update(self, n: float = 1) -> None:
        """Count units as done."""
        self.done += n

    def share(self) -> float | None:
        """Return how much is done, from 0 to 1; None where nobody knows."""
        return min(self.done / self.total, 1.0) if self.total else None

    def left(self) -> float | None:
        """Return the seconds to go, at the pace so far; None as long as there is none."""
        if not self.total or self.done <= self.before:
            return None
        return self.seconds * max(self.total - self.done, 0) / (self.done - self.before)

    def amount(self) -> str:
        """Return how much is done, in words."""
        if not self.total:
            return f"{self.done:,.0f} {self.unit}" if self.done else ""
        return f"{self.done:,.0f}/{self.total:,.0f} {self.unit}"

    def words(self) -> str:
        """Return what is done, how much of it, since when, and how long it still takes."""
        share, left = self.share(), self.left()
        parts = [
            "" if share is None else f"{100 * share:.0f} %",
            self.amount(),
            f"{tqdm.format_interval(self.seconds)} so far",
            "" if left is None else f"about {tqdm.format_interval(left)} left",
        ]
        return f"{self.title}: {', '.join(filter(None, parts))}"


class Steps(Work):
    """Work of steps of very different length, whose seconds are known roughly beforehand."""

    def __init__(self, title: str) -> None:
        super().__init__(title)
        self._ends, self._pace, self._begun, self._what = (0.0, 0.0), 0.0, self.since, ""

    def begin(self, model: str, n_train: int, before: float, after: float, total: float) -> None:
        """Say what is fitted next, and how far the work is; times are estimates in seconds."""
        self._begun = time.perf_counter()
        self._ends = before / total, after / total
        self._pace = self._ends[0] / self.seconds if before else 1 / total
        self._what = f"{model}, {n_train:,} rows"

    def share(self) -> float | None:
        """Return how much is done at the pace so far, but not beyond the step under way."""
        if not self._pace:
            return None
        before, after = self._ends
        ahead = before + self._pace * (time.perf_counter() - self._begun)
        return min(ahead, 0.1 * before + 0.9 * after)

    def left(self) -> float | None:
        """Return the seconds to go."""
        share = self.share()
        return None if share is None else (1 - share) / self._pace

    def amount(self) -> str:
        """Return what is under way."""
        return self._what


class _Display:
    """Shows the innermost of the works under way, each tick of a clock of its own."""

    def __init__(self) -> None:
        self.works: list[Work] = []
        self._terminal = sys.stderr is not None and sys.stderr.isatty()
        self._bar: tqdm | None = None
        self._shown: Work | None = None
        self._line = time.perf_counter()
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._clock = threading.Thread(target=self._tick, name="progress", daemon=True)

    def start(self) -> None:
        self._clock.start()

    def stop(self) -> None:
        self._stop.set()
        self._clock.join()
        self.clear()

    def clear(self) -> None:
        """Take the bar off the terminal, until the next tick."""
        with self._lock:
            self._clear()

    def draw(self) -> None:
        """Show the innermost work, if it is due."""
        with self._lock:
            work = self.works[-1] if self.works else None
            if work is None or sys.stderr is None:
                return
            if not self._terminal:
                if time.perf_counter() - self._line >= LINE_EVERY:
                    self._line = time.perf_counter()
                    print(work.words(), file=sys.stderr, flush=True)
            elif work.seconds >= DELAY:
                self._draw_bar(work)

    def _draw_bar(self, work: Work) -> None:
        if work is not self._shown:
            self._clear()
            self._shown = work
        if self._bar is None:
            look = {"leave": False, "dynamic_ncols": True, "file": sys.stderr}
            self._bar = tqdm(total=1.0, bar_format="{desc}", **look)
        share = work.share()
        self._bar.bar_format = "{desc}" if share is None else "{percentage:3.0f}%|{bar:20}| {desc}"
        self._bar.n = share or 0.0
        self._bar.set_description_str(work.words())

    def _clear(self) -> None:
        if self._bar is not None:
            self._bar.close()
        self._bar = self._shown = None

    def _tick(self) -> None:
        while not self._stop.wait(TICK):
            self.draw()


_display: ContextVar[_Display | None] = ContextVar("_display", default=None)


@contextlib.contextmanager
def show_progress(title: str) -> Iterator[None]:
    """Show how far the work within is, where it takes long.

    On a terminal a bar with the time left stands in the error stream after two seconds. Where that
    goes to a file, a line a minute says what is done, how much of it and how long it still takes.
    Nothing is shown of worker processes.

    Parameters
    ----------
    title : str
        Stands before the bar as long as no part of the work has a title of its own.
    """
    if _display.get() is not None:
        with progress(title):
            yield
        return
    display = _Display()
    token = _display.set(display)
    display.start()
    try:
        with progress(title):
            yield
    finally:
        _display.reset(token)
        display.stop()


@contextlib.contextmanager
def run_work(work: _Work) -> Iterator[_Work]:
    """Show work as under way, where progress is asked for."""
    display = _display.get()
    if display is None:
        yield work
        return
    display.works.append(work)
    try:
        yield work
        display.draw()
    finally:
        display.works.remove(work)


def progress(
    title: str, total: float | None = None, unit: str = "steps", done: float = 0
) -> contextlib.AbstractContextManager[Work]:
    """Return the context of some `Work`, which its ``update`` counts."""
    return run_work(Work(title, total, unit, done))


def count(items: Iterable[_Item], title: str, total: int, unit: str) -> Iterator[_Item]:
    """Yield items, and count each as done when the next is asked for."""
    with progress(title, total, unit) as work:
        for item in items:
            yield item
            work.update()


def clear_bar() -> None:
    """Take the bar off the terminal, so that what is printed next has the line for itself."""
    display = _display.get()
    if display is not None:
        display.clear()


def duration(seconds: float) -> str:
    """Return how long something takes, in words."""
    return f"{seconds:.0f} seconds" if seconds < 90 else f"{seconds / 60:.0f} minutes"


def note(text: str, err: bool = True) -> None:
    """Print a line on the error stream, or on that of the output, above the bar if there is one."""
    tqdm.write(text, file=sys.stderr if err else sys.stdout)
