"""How far work is: a bar on a terminal, a line a minute in a file."""

import re
import time

import pytest

from sktl import _progress
from sktl._progress import Steps, Work, count, progress, run_work, show_progress


@pytest.fixture
def lines(monkeypatch, terminal):
    """Show each tick as a line, as in a file in which a minute is short; return what is written."""
    monkeypatch.setattr(terminal, "isatty", lambda: False)
    monkeypatch.setattr(_progress, "LINE_EVERY", 0.02)
    return terminal


def wait(written, pattern):
    """Wait until something is written after what is there, and return all of that."""
    start, begin = len(written.getvalue()), time.monotonic()
    while not (found := re.search(pattern, written.getvalue()[start:])):
        assert time.monotonic() - begin < 20, written.getvalue()
        time.sleep(0.01)
    return found


def test_a_line_says_what_how_much_and_how_long(lines):
    with show_progress("Working"), progress("Reading files", 40, "files") as work:
        work.update(10)
        wait(lines, r"Reading files: 25 %, 10/40 files, \d\d:\d\d so far, about \d\d:\d\d left\n")


def test_the_innermost_work_is_shown_and_then_the_outer_one_again(lines):
    with show_progress("Working"):
        wait(lines, r"^Working: \d\d:\d\d so far\n")
        for item in count("ab", "Counting", 2, "things"):
            wait(lines, rf"Counting: {50 * 'ab'.index(item)} %, {'ab'.index(item)}/2 things")
        wait(lines, "Working: ")


def test_nothing_is_shown_unless_asked_for(lines):
    with progress("Reading", 3) as work:
        time.sleep(0.1)
        work.update()
    assert lines.getvalue() == ""


def test_the_time_left_follows_the_pace_of_this_run():
    work = Work("Fitting", total=100, done=60)  # sixty were done before
    work.since -= 10
    work.update(20)
    assert work.share() == 0.8 and work.left() == pytest.approx(10, abs=0.1)


def test_a_terminal_gets_a_bar_with_the_time_left(terminal):
    with show_progress("Working"), run_work(Steps("Fitting")) as steps:
        steps.begin("transfer", 1600, 0, 100, 600)
        wait(terminal, r"0%\|.*Fitting: 0 %, transfer, 1,600 rows, 00:00 so far, about 0?9:5\d|10")
        steps.begin("scratch", 1600, 100, 600, 600)
        wait(terminal, r"\d\d%\|.*Fitting: \d\d %, scratch, 1,600 rows")


def test_what_is_printed_has_the_line_for_itself(terminal):
    with show_progress("Working"):
        wait(terminal, "Working")
        _progress.clear_bar()
        assert terminal.getvalue().rstrip(" ").endswith("\r")  # blanks over the bar


def test_short_work_is_not_shown_on_a_terminal(terminal, monkeypatch):
    monkeypatch.setattr(_progress, "DELAY", 60.0)
    with show_progress("Working"):
        time.sleep(0.1)
    assert terminal.getvalue() == ""
