"""What is wrong with an input: with a cell its kind and what to write, with a file the reason."""

from __future__ import annotations

from dataclasses import dataclass


class UnreadableFile(ValueError):
    """Why a file, or one crystal of it, is not read."""


@dataclass(frozen=True)
class Fault:
    """Why a cell cannot be used.

    Attributes
    ----------
    kind : str
        What cells like this are called, such as "phase or note".
    looks_like : str
        What it looks like, or what is odd about it.
    write : str
        What to write instead; empty if nobody can know.
    repair : str or None
        The only text that can be meant; None where there is none, or several.
    """

    kind: str
    looks_like: str
    write: str = ""
    repair: str | None = None

    def __str__(self) -> str:
        return f"{self.looks_like}; write {self.write}" if self.write else self.looks_like
