"""What stands beside a formula in a cell: phases, notes, charges, isotopes, markup."""

from __future__ import annotations

import re
from collections.abc import Iterator

from sktl.representations._faults import Fault
from sktl.representations._formula_doubts import (
    listed,
    proposed,
    read_without_doubt,
    with_letter_o,
)
from sktl.representations._symbols import ATOMIC_NUMBER

_WORDS = """
    rutile anatase brookite wurtzite zincblende zinc-blende zinc blende sphalerite rocksalt
    rock-salt rock salt fluorite perovskite spinel corundum hematite magnetite maghemite quartz
    cristobalite tridymite diamond graphite graphene garnet olivine ilmenite layered chalcopyrite
    kesterite bcc fcc hcp dhcp bct fct cubic tetragonal orthorhombic rhombohedral trigonal
    hexagonal monoclinic triclinic alpha beta gamma delta epsilon theta kappa eta amorphous glass
    glassy crystalline polycrystalline nanocrystalline single polycrystal crystal ceramic powder
    bulk film films thin layer monolayer bilayer trilayer few-layer multilayer nanowire nanowires
    nanoparticle nanoparticles nanosheet nanosheets nanotube nanotubes quantum dots pellet foil
    wafer phase polymorph structure type solid liquid gas high low temperature pressure
    pristine pure undoped stoichiometric as-cast as-deposited as-grown annealed sintered cast
    wrought rolled melted poly nano micro and
    s l g cr am aq sc pc np nw
""".split()
_HARMLESS = frozenset(_WORDS)
_SPACE_GROUP = r"-?[PIFCRABHW][-_/0-9mabcdn\s]*(?:[mabcdn]|[1-6])[-_/0-9mabcdn\s]*"
_POLYTYPE = r"[0-9]{1,2}[HRCTM]['′]{0,2}"
_LABEL = re.compile(
    rf"(?:{_SPACE_GROUP}|{_POLYTYPE}|[α-ω]['′]{{0,2}}|[abchlmnoprtuwz]['′]{{0,2}}|[23]D|[ABCDL][0-9]+)"
)
_NOTE = re.compile(
    r"(?P<bare>.*[^\s:;,/–-])\s*[:;,–-]?\s*[(\[{<]\s*(?P<note>[^()\[\]{}]+?)\s*[)\]}>]"
    r"|(?P<bare2>[^\s,;:/]+)\s*[\s,;:/_]\s*(?P<note2>[a-zA-Z][-a-zA-Z0-9/. ]*)"
)
_PREFIX = re.compile(rf"(?P<note>[a-z][-a-z]{{2,}}|[α-ωa-z]['′]?|{_POLYTYPE})[-–\s]+(?P<bare>.+)")
_SUFFIX = re.compile(rf"(?P<bare>.+?)[-–_](?P<note>{_POLYTYPE}|[α-ω]|[a-z]{{2,}}.*)")
_HYDRATES = dict(
    zip(
        "hemi mono di tri tetra penta hexa hepta octa nona deca".split(),
        ["0.5", "", *"2 3 4 5 6 7 8 9 10".split()],
        strict=True,
    )
)
_HYDRATE = re.compile(rf"({'|'.join(_HYDRATES)})?[- ]?hydrate", re.I)
_CHANGES = re.compile(
    r"%|‰|\b(?:wt|at|mol|ppm|vol)\b|dop|hydrat|hydro|reduc|oxid|defici|vacan|rich|poor|excess|lith"
    r"|interc|substit|alloy|[-+=<>~]\s*[0-9.]|\b[A-Z][a-z]?\b(?![a-z])"
    r"|(?<![A-Za-z])[xyzδ](?![a-z])|[0-9.]\s*[A-Z]",
)
_CHARGE = re.compile(
    r"(?P<bare>[^\^]*[A-Za-z0-9)\]₀-₉])\s*(?:\^\{?(?P<caret>[0-9]*[+−–-]|[+−–-][0-9]*)\}?"
    r"|(?P<raised>[⁰¹²³⁴⁵⁶⁷⁸⁹]*[⁺⁻]|[⁺⁻][⁰¹²³⁴⁵⁶⁷⁸⁹]*)|(?P<plain>(?P<digit>[0-9]?)[+−-]+))"
)
_ADDUCT = re.compile(r"(?P<bare>.*[^\s.·x×])\s*(?:\s[x×]?|[×・･])\s*(?P<water>[0-9.]+ ?H2O)")
_MULTIPLE = re.compile(r"[2-9](?![HRCT][A-Z]|D )[A-Z]|[0-9]{1,3}[A-Z][a-z]?$")
_ISOTOPE = re.compile(r"(?:\^?\{?[0-9]{1,3}\}?|[⁰¹²³⁴⁵⁶⁷⁸⁹]{1,3})(?=[A-Z])")
_MARKUP = re.compile(
    r"\$|</?(?:sub|inf)>|\\(?:mathrm|text|rm|ce|mathregular)\b|_\{([0-9.]+)\}|(?<![0-9])_(?=[0-9.])",
    re.I,
)


def note_fault(text: str) -> Fault | None:
    """Return what is said of a formula with words beside it."""
    for bare, note in without_note(text):
        meant = [bare] if listed([bare]) else with_letter_o(bare)
        if listed(meant) and not read_without_doubt(note):
            return _noted(bare, note, meant)
    return None


def without_note(text: str) -> Iterator[tuple[str, str]]:
    """Yield the ways to part a text into a formula, or what looks like one, and a note."""
    for pattern in (_PREFIX, _NOTE, _SUFFIX):
        found = pattern.fullmatch(text)
        if found is not None:
            parts = {name[:4]: part for name, part in found.groupdict().items() if part}
            yield parts["bare"].strip(), parts["note"].strip()


def _noted(bare: str, note: str, meant: list[str]) -> Fault:
    water = _HYDRATE.fullmatch(note)
    looks = "it looks like a formula with a phase or a note"
    if water:
        write, repair = proposed([f"{bare}·{_HYDRATES[(water[1] or 'mono').lower()]}H2O"])
        looks = "it looks like a hydrate in words"
        return Fault("hydrate in words", looks, write, repair if water[1] else None)
    if harmless(note):
        return Fault("phase or note", looks, *proposed(meant))
    if _CHANGES.search(note):
        looks = "it looks like a formula with a note that may change its amounts"
        return Fault("note on the amounts", looks, f"{listed(meant)} if it does not")
    return Fault("phase or note", looks, listed(meant))


def harmless(note: str) -> bool:
    """Tell whether a note names a phase or a shape, which leave the composition as it is."""
    if note in ATOMIC_NUMBER:
        return False
    if _LABEL.fullmatch(note):
        return True
    words = re.split(r"[\s,;/]+", note.casefold())
    return all(each in _HARMLESS or _LABEL.fullmatch(each) for each in words if each)


def charge_fault(text: str) -> Fault | None:
    """Return what is said of an ion."""
    found = _CHARGE.fullmatch(text)
    if found is None:
        return None
    meant = [found["bare"]]
    if found["plain"] and not found["digit"] and (last := re.fullmatch(r"(.*)([0-9])", meant[0])):
        meant = [last[1], meant[0]]
    elif found["digit"]:
        meant = [meant[0], meant[0] + found["digit"]]
    if not listed(meant):
        return None
    looks = "charges have no place in a formula"
    return Fault("charge", looks, *proposed(meant))


def isotope_fault(text: str) -> Fault | None:
    """Return what is said of a formula that begins with a number or names isotopes."""
    found = _ISOTOPE.match(text)
    meant = [text[found.end() :] if found else text]
    if meant == [text] or not listed(meant):
        return None
    leading = re.match("[0-9]", text)
    looks = "it looks like a multiple of a formula" if leading else "it looks like an isotope"
    write, repair = proposed(meant)
    sure = not leading or _MULTIPLE.match(text)
    return Fault("number before a symbol", looks, write, repair if sure else None)


def adduct_fault(text: str) -> Fault | None:
    """Return what is said of water without the dot before it."""
    found = _ADDUCT.fullmatch(text)
    meant = [f"{found['bare'].strip()}·{found['water'].replace(' ', '')}"] if found else []
    if not listed(meant):
        return None
    looks = "it looks like a hydrate without its dot"
    return Fault("hydrate without its dot", looks, *proposed(meant))


def markup_fault(text: str) -> Fault | None:
    """Return what is said of subscripts as LaTeX or HTML write them."""
    plain = _MARKUP.sub(lambda found: found[1] or "", text)
    if plain == text:
        return None
    if re.fullmatch(r"\{.*\}", plain.strip()):
        plain = plain.strip()[1:-1]
    meant = [plain.strip()]
    if not listed(meant):
        return None
    looks = "it looks like LaTeX or HTML"
    return Fault("markup", looks, *proposed(meant))
