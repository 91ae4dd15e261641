"""CIF files as pymatgen Structures, read as the file means them or not at all."""

from __future__ import annotations

import math
import re
import warnings
from collections.abc import Callable
from typing import TYPE_CHECKING

from sktl._limits import LARGEST_CIF, MOST_SITE_OPERATIONS
from sktl.representations._cif_formula import check_content, stated_elements
from sktl.representations._cif_sites import (
    LABEL,
    OCCUPANCY,
    TYPE,
    check_hydrogen,
    check_images,
    letters_of,
    occupancies,
    plain_label,
    types,
)
from sktl.representations._cif_symmetry import (
    OPERATIONS,
    candidate_operations,
    check_listed,
    check_unknown,
    listed_operations,
    unlisted_group,
)
from sktl.representations._cif_text import NUMBER, UNSTATED, Items, block_items, split_cif, stated
from sktl.representations._faults import UnreadableFile
from sktl.representations._neighbours import shortest_distance
from sktl.representations._space_groups import StatedGroup, stated_group
from sktl.representations._structures import LARGEST_SHARE

if TYPE_CHECKING:
    from pymatgen.core import Lattice, Structure

_CELL = [f"_cell_length_{edge}" for edge in "abc"]
_CELL += [f"_cell_angle_{angle}" for angle in ("alpha", "beta", "gamma")]
_COORDINATES = [f"_atom_site_fract_{axis}" for axis in "xyz"]
_STATES = ["_atom_type_symbol", "_atom_type_oxidation_number"]
_MODULATED = ("_cell_modulation_dimension", "_space_group_ssg_name", "_space_group_symop_ssg_op")
_ISOTOPES = frozenset({"H", "D", "T"})
_HARMLESS = re.compile(
    r"rounded to ideal values|default value of primitive|parsed as|Skipping relative stoichiometry|"
    r"1-line symmetry op|Keys changed to match new magCIF|Cannot determine chemical composition|"
    r"No Pauling electronegativity|Some occupancies|Missing elements|Incorrect stoichiometry|"
    r"Issues encountered while parsing"
)
_OVER = re.compile(r"Occupancy ([0-9.e+]+) exceeded")
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
    block[OCCUPANCY] = occupancies(block)
    block[TYPE] = types(block)
    structure = _as_stated(block)
    check_hydrogen(block, structure)
    return structure


def _as_stated(block: Items) -> Structure:
    """Return the crystal of a block by its operations, or those of its group."""
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
    for key in [LABEL, TYPE, OCCUPANCY, *_COORDINATES]:
        if key in block and not isinstance(block[key], list):
            block[key] = [block[key]]
    n = len(block[_COORDINATES[0]])
    if not n or any(len(block[key]) != n for key in [LABEL, TYPE, OCCUPANCY] if key in block):
        raise UnreadableFile("its loop of sites is incomplete")
    if LABEL not in block and TYPE not in block:
        raise UnreadableFile(f"it has neither {LABEL} nor {TYPE}")
    block.setdefault(LABEL, block.get(TYPE))
    return block


def _check_numbers(block: Items) -> None:
    """Refuse what is no number, which a reader may take as 0."""
    for key in _CELL:
        value = block[key][0] if isinstance(block[key], list) else block[key]
        if not NUMBER.fullmatch(value):
            raise UnreadableFile(f"{key} is {value!r}, expected a number")
        block[key] = value
    for key in _COORDINATES:
        for label, value in zip(block[LABEL], block[key], strict=True):
            if not NUMBER.fullmatch(value):
                raise UnreadableFile(f"site {label} has {value!r} as {key}, expected a number")
    for key in ("_atom_site_attached_hydrogens", "_atom_site_calc_flag"):
        for label, value in zip(block[LABEL], block.get(key, ()), strict=False):
            if value.lower() == "dum":
                raise UnreadableFile(f"site {label} is a dummy atom, leave it out")
            if key.endswith("hydrogens") and value.rstrip(".0") not in UNSTATED:
                raise UnreadableFile(f"site {label} has {value} hydrogens without sites")


def _lattice(block: Items) -> Lattice:
    from pymatgen.core import Lattice

    parameters = [float(block[key].partition("(")[0]) for key in _CELL]
    for key, value in zip(_CELL, parameters, strict=True):
        if not 0 < value < (180 if "angle" in key else math.inf):
            raise UnreadableFile(f"{key} is {block[key]!r}, expected a number above 0"
                                 + (" and below 180" if "angle" in key else ""))  # fmt: skip
    alpha, beta, gamma = parameters[3:]
    if not 2 * max(alpha, beta, gamma) < alpha + beta + gamma < 360:
        raise UnreadableFile(f"no cell has the angles {alpha:g}, {beta:g} and {gamma:g}")
    return Lattice.from_parameters(*parameters)


def _read(block: Items, operations: list[str]) -> Structure:
    """Return the crystal of a block with the given operations, read by pymatgen."""
    n = len(block[LABEL]) * len(operations)
    if n > MOST_SITE_OPERATIONS:
        raise UnreadableFile(
            f"it has {len(block[LABEL]):,} sites and {len(operations)} symmetry operations, {n:,} "
            f"together, expected at most {MOST_SITE_OPERATIONS:,}"
        )
    from pymatgen.io.cif import CifBlock, CifParser

    sites = [LABEL, TYPE, *_COORDINATES, OCCUPANCY]
    data: Items = {key: block[key] for key in [*_CELL, *sites]}
    data[LABEL] = [plain_label(label) for label in block[LABEL]]
    loops = [sites]
    if all(isinstance(block.get(key), list) for key in _STATES):
        data |= {key: block[key] for key in _STATES}
        loops.append(list(_STATES))
    data[OPERATIONS[1]] = operations
    loops.append([OPERATIONS[1]])
    text = str(CifBlock(data, loops, "crystal"))
    structures: list[Structure] = []

    def parse() -> None:
        parser = CifParser.from_str(text, occupancy_tolerance=LARGEST_SHARE)
        structures.extend(parser.parse_structures(primitive=False))

    _refuse_warnings(parse)
    structure = structures[0]
    check_images(structure)
    wanted = {letters_of(kind) for kind in stated_elements(block)}
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
            over = _OVER.search(reason)
            if over:
                reason = f"the occupancies of a site add up to {over[1]}, expected at most 1"
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
