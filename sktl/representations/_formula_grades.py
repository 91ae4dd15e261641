"""Names of alloys that can be read as formulas: Ti6Al4V and, as standards write, CuZn37."""

from __future__ import annotations

import re

from sktl.representations._faults import Fault
from sktl.representations._symbols import ATOMIC_NUMBER, NONMETALS

_TITANIUM = re.compile(r"Ti ?(?:6 ?Al ?4 ?V|6 ?Al ?7 ?Nb|5 ?Al ?2\.5 ?Sn|3 ?Al ?2\.5 ?V)")
_AFTER_SYMBOL = re.compile(r"(?<=[a-z]) ?(?=[0-9])")
_AMOUNT = re.compile(r"([A-Z][a-z]?)([0-9]+(?:\.[0-9]+)?)")
BASES = ("Cu", "Ag", "Au", "Al", "Ni", "Fe", "Co", "Sn", "Pb", "Zn")
FEWEST = 10  # AlMg3 and CuZn5 are compounds
MOST = 50
_STANDARD = re.compile(  # the base has no number, all others have one, but for the last perhaps
    rf"({'|'.join(BASES)})((?:{_AMOUNT.pattern})+)([A-Z][a-z]?)?"
)


def grade_name(text: str) -> str | None:
    """Return the name of an alloy with its dashes, as Ti-6Al-4V or Cu-37Zn.

    Parameters
    ----------
    text : str
        A formula without spaces at its ends.

    Returns
    -------
    str or None
        None where the text is no such name, or does not say how much there is of each element.
    """
    if _TITANIUM.fullmatch(text):
        return _AFTER_SYMBOL.sub("-", text)
    found = _standard(text)
    if found is None or found[5]:
        return None
    return _dashed(found)


def grade_fault(text: str) -> Fault | None:
    """Return what is said of a readable formula that is the name of an alloy, else None."""
    found = _standard(text)
    if found is None and not _TITANIUM.fullmatch(text):
        return None
    atoms = f"{found[1]}1{text[len(found[1]) :]}" if found else f"{text}1"
    name = repr(grade_name(text))
    if found and found[5]:
        name = f"the per cent of {found[5]} too, as '{_dashed(found)}-0.5{found[5]}',"
    return Fault(
        "alloy in weight per cent",
        "it may be the name of an alloy in weight per cent, or count atoms",
        f"{name} and say --weight-percent, or {atoms!r}",
    )


def _dashed(found: re.Match[str]) -> str:
    """Return the base and all amounts, as Cu-39Zn-3Pb."""
    return "-".join([found[1], *(f"{n}{symbol}" for symbol, n in _AMOUNT.findall(found[2]))])


def _standard(text: str) -> re.Match[str] | None:
    """Return the parts of a name as CuZn39Pb3: 1 its base, 2 the amounts, 5 the last without."""
    found = _STANDARD.fullmatch(text)
    if found is None:
        return None
    pairs = _AMOUNT.findall(found[2])
    symbols = [found[1], *(symbol for symbol, _ in pairs), *filter(None, [found[5]])]
    amounts = [float(number) for _, number in pairs]
    metals = {*ATOMIC_NUMBER} - NONMETALS - {"B"}  # AlB12 is a boride
    is_alloy = {*symbols} <= metals and len({*symbols}) == len(symbols)
    return found if is_alloy and max(amounts) >= FEWEST and sum(amounts) < MOST else None
