"""What installed packages announce through entry points, imported when it is first asked for."""

from __future__ import annotations

import threading
import warnings
from collections.abc import Callable
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from sktl.exceptions import TransferWarning

_handlers: dict[str, Callable[[Any], object]] = {}
_problems: list[str] = []
_lock = threading.RLock()
_state = {"loaded": False}


def handle_group(group: str, handler: Callable[[Any], object]) -> None:
    """Let the objects that entry points of a group name be given to `handler`, which may raise."""
    _handlers[group] = handler


def load_plugins() -> None:
    """Import what installed packages announce, once in a process.

    A package that cannot be imported, or announces something that cannot be used, is left out with
    a `TransferWarning` that names it.
    """
    with _lock:
        if _state["loaded"]:
            return
        _state["loaded"] = True  # a plugin may ask for the registry while it is imported
        for group, handler in _handlers.items():
            for entry in entry_points(group=group):
                try:
                    handler(entry.load())
                except Exception as error:
                    _problems.append(_problem(entry, error))
        for problem in _problems:
            warnings.warn(problem, TransferWarning, stacklevel=2)


def plugin_problems() -> str:
    """Return what was left out as text that follows a message, empty if nothing was."""
    return "".join(f" {problem}" for problem in _problems)


def _problem(entry: EntryPoint, error: Exception) -> str:
    package = f"{entry.dist.name} {entry.dist.version}" if entry.dist else "an unknown package"
    return (
        f"The package {package} announces {entry.name!r} ({entry.value}) in {entry.group}, which "
        f"was left out: {type(error).__name__}: {error}"
    )
