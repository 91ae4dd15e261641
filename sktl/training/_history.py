"""The history of a training as plain data, and back."""

from __future__ import annotations

from typing import Any

from skorch.history import History


def history_rows(history: History) -> list[dict[str, Any]]:
    """Return what a skorch history holds of each epoch, without its batches, as dicts."""
    return [{key: v for key, v in epoch.items() if key != "batches"} for epoch in history.to_list()]


def fill_history(history: History, rows: list[dict[str, Any]]) -> History:
    """Append epochs, as `history_rows` returned them, to a skorch history; return it."""
    for epoch in rows:
        history.new_epoch()
        for key, value in epoch.items():
            history.record(key, value)
    return history


def history_from_rows(rows: list[dict[str, Any]]) -> History:
    """Return a skorch history of epochs as `history_rows` returned them."""
    return fill_history(History(), rows)
