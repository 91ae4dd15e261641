"""Names that a user chooses from what a study knows."""

from sktl.exceptions import InputError


def check_names(kind, wanted, known):
    """Return the wanted names as a list, all that are known for None; raise for another."""
    if wanted is None:
        return list(known)
    unknown = [name for name in wanted if name not in known]
    if unknown:
        raise InputError(f"Got {kind}={unknown[0]!r}, expected one of: {', '.join(known)}.")
    return list(wanted)
