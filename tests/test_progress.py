"""How far work is: a bar on a terminal, a line a minute in a file."""

import re
import sys
import time

import pytest

from sktl import _progress
from sktl._progress import Steps, count, progress, run_work, show_progress


@pytest.fixture
def lines(monkeypatch, capsys):
    """Show each tick as a line, as where a minute is short; return what was written."""
    monkeypatch.setattr(_progress, "TICK", 0.01)
    monkeypatch.setattr(_progress, "LINE_EVERY", 0.02)
    return lambda: capsys.readouterr().err


def wait(work=0.08):
    time.sleep(work)


def test_a_line_says_what_how_much_and_how_long(lines):
    with show_progress("Working"), progress("Reading files", 40, "files") as work:
        work.update(10)
        wait()
    text = lines()
    assert re.search(r"Reading files: 25 %, 10/40 files, 00:00 so far, about 00:0\d left", text)


def test_the_innermost_work_is_shown_and_then_the_outer_one_again(lines):
    with show_progress("Working"):
        wait()
        for _ in count(range(2), "Counting", 2, "things"):
            wait()
        assert "Working: " in (text := lines()) and "Counting: 50 %, 1/2 things" in text
        wait()
        assert set(re.findall(r"^(\w+):", lines(), re.MULTILINE)) == {"Working"}


def test_nothing_is_shown_unless_asked_for(lines):
    with progress("Reading", 3) as work:
        wait()
        work.update()
    assert lines() == ""


def test_a_terminal_gets_a_bar_with_the_time_left(terminal):
    with show_progress("Working"), run_work(Steps("Fitting")) as steps:
        steps.begin("transfer", 1600, 0, 100, 600)
        wait()
        steps.begin("scratch", 1600, 100, 600, 600)
        wait()
    text = terminal.getvalue()
    assert re.search(r"about (10:00|09:59) left", text) and "Fitting: 0 %, transfer, 1,600" in text
    assert re.search(r"17%\|.*Fitting: 17 %, scratch, 1,600 rows", text)


def test_short_work_is_not_shown_on_a_terminal(terminal, monkeypatch):
    monkeypatch.setattr(_progress, "DELAY", 2.0)
    with show_progress("Working"):
        wait()
    assert terminal.getvalue() == "" and sys.stderr is terminal
