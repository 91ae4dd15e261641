"""CIF files as pymatgen Structures, read as the file means them or not at all."""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from sktl._limits import LARGEST_CIF, MOST_SITE_OPERATIONS
from sktl.representations._cif_formula import check_content, stated_elements, stated_formula
from sktl.representations._cif_symmetry import (
    OPERATIONS,
    candidate_operations,
    check_listed,
    check_unknown,
    listed_operations,
    unlisted_group,
)
from sktl.representations._cif_text import UNSTATED, Items, block_items, split_cif, stated
from sktl.representations._faults import UnreadableFile
from sktl.representations._neighbours import shortest_distance
from sktl.representations._space_groups import StatedGroup, stated_group
from sktl.representations._symbols import ELEMENTS

if TYPE_CHECKING:
    from pymatgen.core import Lattice, Structure

_CELL = [f"_cell_length_{edge}" for edge in "abc"]
_CELL += [f"_cell_angle_{angle}" for angle in ("alpha", "beta", "gamma")]
_COORDINATES = [f"_atom_site_fract_{axis}" for axis in "xyz"]
_LABEL, _TYPE, _OCCUPANCY = (f"_atom_site_{name}" for name in ("label", "type_symbol", "occupancy"))
_STATES = ["_atom_type_symbol", "_atom_type_oxidation_number"]
_MODULATED = ("_cell_modulation_dimension", "_space_group_ssg_name", "_space_group_symop_ssg_op")
_NUMBER = re.compile(r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?(?:\(\d*\)?)?", re.A)
_ISOTOPES = frozenset({"H", "D", "T"})
_WATER = re.compile(r"wat|h2o|d2o|oh|ow|o\d*w|hyd", re.IGNORECASE)
_HARMLESS = re.compile(
    r"rounded to ideal values|default value of primitive|parsed as|Skipping relative stoichiometry|"
    r"1-line symmetry op|Keys changed to match new magCIF|Cannot determine chemical composition|"
    r"Missing elements|Incorrect stoichiometry|Issues encountered while parsing"
)
_OVERLAP = 0.5  # Angstrom
_SYMMETRY_TOLERANCE = 0.05  # Angstrom


def read_cif(text: str) -> Structure:
    """Return the first crystal of a CIF file.

    Raises
    ------
    UnreadableFile
        The file holds no crystal, or what would be read is not surely the crystal that it states:
        elements without sites, other numbers of atoms, unknown symmetry, incomplete sites.
    """
    block = _first_crystal(text)
    _check_numbers(block)
    block[_OCCUPANCY] = _occupancies(block)
    block[_TYPE] = _types(block)
    lattice = _lattice(block)
    group = stated_group(block)
    listed = listed_operations(block)
    if listed:
        check_listed(listed, lattice)
        structure = _read(block, listed)
        counted = check_content(block, structure)
        _check_group(structure, listed, group, counted)
        return structure
    if not (group.known or group.unknown):
        structure = _read(block, ["x, y, z"])
        if not check_content(block, structure):
            raise UnreadableFile("it states neither symmetry operations nor a space group, write "
                                "'P 1' if all atoms are listed")  # fmt: skip
        return structure
    return _only_one(block, candidate_operations(group, lattice), group)


def _only_one(block: Items, choices: list[list[str]], group: StatedGroup) -> Structure:
    """Return the one crystal that agrees with the file, among those of several origins."""
    found, problems = [], []
    for operations in choices:
        try:
            structure = _read(block, operations)
            check_content(block, structure)
        except UnreadableFile as error:
            problems.append(error)
            continue
        if len(choices) > 1 and shortest_distance(
            structure.lattice.matrix, structure.frac_coords, _OVERLAP
        ):
            problems.append(UnreadableFile("atoms overlap with each origin of its space group"))
            continue
        found.append(structure)
    if not found:
        raise problems[0]
    if len(found) > 1:
        raise UnreadableFile(
            f"it lists no symmetry operations, and does not say which origin of the space group "
            f"{group.shown} it uses, write ':1' or ':2' after the name"
        )
    return found[0]


def _first_crystal(text: str) -> Items:
    """Return the items of the first block with sites of atoms."""
    if len(text) > LARGEST_CIF:
        raise UnreadableFile(
            f"it has {len(text):,} characters, expected at most {LARGEST_CIF:,}: leave out what is "
            "not the crystal, such as reflections"
        )
    blocks = split_cif(text)
    if not blocks:
        raise UnreadableFile("Invalid CIF file with no structures, it has no sites of atoms")
    items = block_items(blocks[0][2])
    wanted = [key for key in [*_CELL, *_COORDINATES] if not items.get(key)]
    if wanted:
        raise UnreadableFile(f"it has no {wanted[0]}")
    if any(key.startswith(_MODULATED) for key in items) and stated(items, *_MODULATED) != "0":
        raise UnreadableFile("its structure is modulated, which is no crystal of one cell")
    return _as_lists(items)


def _as_lists(block: Items) -> Items:
    """Return a block in which the columns of sites are lists of one length."""
    for key in [_LABEL, _TYPE, _OCCUPANCY, *_COORDINATES]:
        if key in block and not isinstance(block[key], list):
            block[key] = [block[key]]
    n = len(block[_COORDINATES[0]])
    if not n or any(len(block[key]) != n for key in [_LABEL, _TYPE, _OCCUPANCY] if key in block):
        raise UnreadableFile("its loop of sites is incomplete")
    if _LABEL not in block and _TYPE not in block:
        raise UnreadableFile(f"it has neither {_LABEL} nor {_TYPE}")
    block.setdefault(_LABEL, block.get(_TYPE))
    return block


def _check_numbers(block: Items) -> None:
    """Refuse what is no number, which a reader may take as 0."""
    for key in _CELL:
        value = block[key][0] if isinstance(block[key], list) else block[key]
        if not _NUMBER.fullmatch(value):
            raise UnreadableFile(f"{key} is {value!r}, expected a number")
        block[key] = value
    for key in _COORDINATES:
        for label, value in zip(block[_LABEL], block[key], strict=True):
            if not _NUMBER.fullmatch(value):
                raise UnreadableFile(f"site {label} has {value!r} as {key}, expected a number")
    for key in ("_atom_site_attached_hydrogens", "_atom_site_calc_flag"):
        for label, value in zip(block[_LABEL], block.get(key, ()), strict=False):
            if value.lower() == "dum":
                raise UnreadableFile(f"site {label} is a dummy atom, leave it out")
            if key.endswith("hydrogens") and value.rstrip(".0") not in UNSTATED:
                raise UnreadableFile(f"site {label} has {value} hydrogens without sites")


def _occupancies(block: Items) -> list[str]:
    """Return the occupancy of each site; what is not stated is 1."""
    given = block.get(_OCCUPANCY, ["1"] * len(block[_LABEL]))
    filled = ["1" if value in UNSTATED else value for value in given]
    for label, value in zip(block[_LABEL], filled, strict=True):
        if not _NUMBER.fullmatch(value) or value.startswith("-"):
            raise UnreadableFile(f"site {label} has the occupancy {value!r}, expected a number")
    return filled


def _types(block: Items) -> list[str]:
    """Return the element of each site, with its charge if stated."""
    formula = stated_formula(block) or {}
    given = block.get(_TYPE, [""] * len(block[_LABEL]))
    types = []
    for label, kind in zip(block[_LABEL], given, strict=True):
        types.append(_element(label, formula) if kind in UNSTATED else _checked_type(label, kind))
    hydrogen = {_letters(kind) for kind in types} & {"H", "D", "T"}
    for label in block[_LABEL]:
        if not formula and not hydrogen and _WATER.match(label):
            raise UnreadableFile(f"the label {label!r} means hydrogen, which has no site")
    return types


def _checked_type(label: str, kind: str) -> str:
    letters = _letters(kind)
    symbol = letters.capitalize()
    if symbol in ELEMENTS and re.fullmatch(r"[-+0-9.]*", kind[len(letters) :]):
        return symbol + kind[len(letters) :]
    for n in (2, 1):  # types with a suffix, as in "Cval" and "Siva"
        if kind[n:] in ("val", "va", "v") and kind[:n] in ELEMENTS:
            return kind[:n]
    raise UnreadableFile(f"site {label} has the type {kind!r}, which is no element")


def _element(label: str, formula: Mapping[str, float]) -> str:
    """Return the element that a label without a type begins with, if there is no doubt."""
    letters = _letters(label)
    if letters in ELEMENTS:
        return letters
    options = {letters[:2].capitalize(), letters[:1].upper()} & formula.keys()
    if len(options) == 1:
        return options.pop()
    raise UnreadableFile(f"site {label} has no type, and its label does not say its element")


def _shown(label: str) -> str:
    """Return what can stand in a text for pymatgen of a label, which it does not read."""
    return re.sub(r"[^!-~]|^[#;'\"_]|^(?=(?:loop|data)_)", "", label) or "X"


def _letters(text: str) -> str:
    found = re.match(r"[A-Za-z]+", text)
    return found[0] if found else ""


def _lattice(block: Items) -> Lattice:
    from pymatgen.core import Lattice

    a, b, c, alpha, beta, gamma = (float(re.sub(r"\(.*", "", block[key])) for key in _CELL)
    return Lattice.from_parameters(a, b, c, alpha, beta, gamma)


def _read(block: Items, operations: list[str]) -> Structure:
    """Return the crystal of a block with the given operations, read by pymatgen."""
    n = len(block[_LABEL]) * len(operations)
    if n > MOST_SITE_OPERATIONS:
        raise UnreadableFile(
            f"it has {len(block[_LABEL]):,} sites and {len(operations)} symmetry operations, {n:,} "
            f"together, expected at most {MOST_SITE_OPERATIONS:,}"
        )
    from pymatgen.io.cif import CifBlock, CifParser

    sites = [_LABEL, _TYPE, *_COORDINATES, _OCCUPANCY]
    data: Items = {key: block[key] for key in [*_CELL, *sites]}
    data[_LABEL] = [_shown(label) for label in block[_LABEL]]
    loops = [sites]
    if all(isinstance(block.get(key), list) for key in _STATES):
        data |= {key: block[key] for key in _STATES}
        loops.append(list(_STATES))
    data[OPERATIONS[1]] = operations
    loops.append([OPERATIONS[1]])
    text = str(CifBlock(data, loops, "crystal"))
    structures: list[Structure] = []

    def parse() -> None:
        structures.extend(CifParser.from_str(text).parse_structures(primitive=False))

    _refuse_warnings(parse)
    structure = structures[0]
    wanted = {_letters(kind) for kind in stated_elements(block)}
    found = {element.symbol for element in structure.composition.elements}
    if (found - _ISOTOPES) != (wanted - _ISOTOPES) or bool(found & _ISOTOPES) != bool(
        wanted & _ISOTOPES
    ):
        raise UnreadableFile(f"it is read as {structure.formula!r}, not with all of its sites")
    return structure


def _refuse_warnings(parse: Callable[[], None]) -> None:
    """Run a reader; each warning that may mean another crystal is an error."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            parse()
        except ValueError as error:
            reasons = [str(each.message) for each in caught]
            reason = next((each for each in reasons if not _HARMLESS.search(each)), str(error))
            raise UnreadableFile(reason) from error
    for each in caught:
        lines = str(each.message).splitlines()
        bad = [line for line in lines if not _HARMLESS.search(line)]
        if bad and not issubclass(each.category, DeprecationWarning):
            raise UnreadableFile(" ".join(lines))


def _check_group(
    structure: Structure, listed: list[str], group: StatedGroup, counted: bool
) -> None:
    """Refuse operations that are not those of the stated group, nor those of the crystal."""
    if not counted:
        check_unknown(listed, group)
    number = unlisted_group(listed, group)
    if not number:
        return
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        found = structure.get_space_group_info(symprec=_SYMMETRY_TOLERANCE)[1]
    if found != number:
        raise UnreadableFile(
            f"its {len(listed)} symmetry operations are not those of the space group "
            f"{group.shown} that it states"
        )
