"""Names that a user chooses from what a study knows."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from sktl.exceptions import InputError


def check_names(kind: str, wanted: Sequence[str] | None, known: Collection[str]) -> list[str]:
    """Return the wanted names as a list, all that are known for None; raise for another."""
    if wanted is None:
        return list(known)
    unknown = [name for name in wanted if name not in known]
    if unknown:
        raise InputError(f"Got {kind}={unknown[0]!r}, expected one of: {', '.join(known)}.")
    return list(wanted)
