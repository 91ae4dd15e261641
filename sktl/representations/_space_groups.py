"""The space groups in their 530 settings, and which of them names and numbers mean."""

from __future__ import annotations

import re
import warnings
from collections.abc import Mapping, Sequence
from functools import cache
from typing import NamedTuple

import numpy as np

from sktl._types import FloatArray, IntArray
from sktl.representations._cif_text import stated
from sktl.representations._faults import UnreadableFile

_NAME = re.compile(r"_(?:space_group|symmetry)_(?:space_group_)?(?:name_)?h[-_]m(?:_\w+)?")
_HALL = re.compile(r"_(?:space_group|symmetry)_(?:\w+_)?hall")
_NUMBER = re.compile(r"_(?:space_group|symmetry)_(?:\w+_)?(?:it|int_tables)_number|"
                     r"_(?:space_group|symmetry)_(?:group_)?number")  # fmt: skip
_OTHER = re.compile(r"_symmetry_cell_setting|_space_group_crystal_system|_space_group_ssg_name.*|"
                    r"_space_group_magn_(?:name|number)_\w+")  # fmt: skip
_CODE = "_space_group_it_coordinate_system_code"
_LOWEST = re.compile(r"triclinic|anorthic|P ?1(?:\.1)?|1\.\d+(?:\.\d+)?", re.IGNORECASE)

_OLD_NAMES = {"cmca": "cmce", "cmma": "cmme", "ccca": "ccce", "abm2": "aem2", "aba2": "aea2"}
_CHOICE = re.compile(r"\s*(?::\s*(\w+)|\(?(?:O|origin\s*(?:choice)?)\s*([12])\)?|([HRZS])[HRS]?)$")
_REMARK = re.compile(r"\s*[(\[]?\s*(?:no\.?|\#)\s*\d+\s*[)\]]?$", re.IGNORECASE)
_BAR = re.compile(r"\\(?:bar|overline)\s*\{?\s*(\d)\s*\}?|(\d)\s*bar", re.IGNORECASE)
_AXES_APART = re.compile(r"[A-Q]\s+(?:2\s+1|3\s+[12]|4\s+[1-3]|6\s+[1-5])", re.IGNORECASE)
_ORIGINS = {"s": "1", "z": "2"}
_PLACES = ("1", "2", "h", "r")  # of origins and axes that a name leaves open
_FIRST_CUBIC = 195
_N_SETTINGS = 530


class Setting(NamedTuple):
    """One of the 530 settings of the space groups.

    Attributes
    ----------
    names : frozenset of str
        Names of this setting alone, or of one that differs from it by an origin.
    reference : str
        The name of its group in the standard setting.
    """

    hall_number: int
    number: int
    choice: str
    names: frozenset[str]
    reference: str
    hall: str


class StatedGroup(NamedTuple):
    """What a file says of its space group.

    Attributes
    ----------
    known : dict of str to tuple of Setting
        The settings that each statement means alone.
    unknown : list of str
        Names and symbols of no known setting.
    others : list of str
        What else it says of its symmetry, other than that there is none.
    choice : str
        The setting or origin, if stated.
    named : bool
        Whether one of its names is known, or there is none.
    """

    known: dict[str, tuple[Setting, ...]]
    unknown: list[str]
    others: list[str]
    choice: str
    named: bool

    @property
    def shown(self) -> str:
        """The statements as a message shows them."""
        return " and ".join(repr(text) for text in [*self.known, *self.unknown, *self.others])


def stated_group(block: Mapping[str, object]) -> StatedGroup:
    """Return the space group that a block states."""
    texts = {key: text for key in block if (text := stated(block, key))}
    names, choices = [], [stated(block, _CODE).lower()]
    for text in (text for key, text in texts.items() if _NAME.fullmatch(key)):
        name = _REMARK.sub("", text)
        found = _CHOICE.search(name)
        if found and found.start():
            name = name[: found.start()]
            choices.insert(0, next(filter(None, found.groups())).lower())
        names.append(name)
    choice = next(filter(None, choices), "")
    choice = _ORIGINS.get(choice, choice)
    halls = [text for key, text in texts.items() if _HALL.fullmatch(key)]
    numbers = [text for key, text in texts.items() if _NUMBER.fullmatch(key)]
    meant = {name: _of_name(name, bool(choice or halls)) for name in names}
    named = not names or any(meant.values())
    meant |= {hall: _of_hall(hall) for hall in halls}
    meant |= {f"number {n}": _of_number(n, bool(names or halls), choice) for n in numbers}
    others = [text for key, text in texts.items()
              if _OTHER.fullmatch(key) and not _LOWEST.fullmatch(text.strip("'\" "))]  # fmt: skip
    unknown = [text for text, found in meant.items() if not found and text != "number 0"]
    return StatedGroup({k: v for k, v in meant.items() if v}, unknown, others, choice, named)


def agreeing(group: StatedGroup) -> list[Setting]:
    """Return the settings that agree with all that is stated, the standard one first."""
    found = [each for each in settings()
             if all(each in meant for meant in group.known.values())]  # fmt: skip
    if not group.choice:
        return found
    exact = [each for each in found if each.choice == group.choice]
    origin = [each for each in found if each.choice[:1] == group.choice]
    only = [each for each in found if each.choice[:1] not in _PLACES and len(found) == 1]
    return exact or origin or only


def largest(group: StatedGroup) -> tuple[Setting, ...]:
    """Return the settings of the statement that means the most operations."""
    return max(group.known.values(), key=_order, default=())


def _order(meant: Sequence[Setting]) -> int:
    return max(len(operations_of(each.hall_number)[0]) for each in meant)


def _of_name(text: str, explicit: bool) -> tuple[Setting, ...]:
    """Return the settings of a name; one that is told apart elsewhere may have the standard one."""
    name = _BAR.sub(lambda found: f"-{found[1] or found[2]}", text)
    if _AXES_APART.fullmatch(name.strip()):
        return ()  # 'P 4 2', neither 'P 42' nor 'P 4 2 2'
    name = _compact(name)
    for form in (name, re.sub(r"([346])-", r"-\1", name)):
        form = _OLD_NAMES.get(form, form)
        found = [each for each in settings()
                 if form in each.names or (explicit and form == each.reference)]  # fmt: skip
        if found:
            return tuple(found)
    return ()


def _of_hall(text: str) -> tuple[Setting, ...]:
    found = [each for each in settings() if each.hall == _spaced(text)]
    if found or " " in _spaced(text):
        return tuple(found)
    found = [each for each in settings() if _compact(each.hall) == _compact(text)]
    return tuple(found) if len({each.hall for each in found}) == 1 else ()


def _of_number(text: str, explicit: bool, choice: str) -> tuple[Setting, ...]:
    """Return the settings of a number, the usual ones if nothing else is stated."""
    digits = re.match(r"\d+", text, re.ASCII)
    found = [each for each in settings() if digits and each.number == int(digits[0][:4])]
    usual = {each.choice for each in found[:1]} | {*_PLACES}
    return tuple(each for each in found if explicit or choice or each.choice in usual)


@cache
def settings() -> tuple[Setting, ...]:
    """Return all settings, the standard one of each group first."""
    return tuple(map(_setting, range(1, _N_SETTINGS + 1)))


def _setting(hall_number: int) -> Setting:
    import spglib

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        kind = spglib.get_spacegroup_type(hall_number)
    if kind is None:
        raise UnreadableFile(f"the setting {hall_number} is not known to spglib")
    full = kind.international_full.split()
    reference, *own = kind.international.split("=")
    names = {"".join(full), *(own or [reference])}
    if kind.choice[:1].strip("-") in ("a", "b", "c") or kind.choice[:2] in ("-a", "-b", "-c"):
        names |= {"".join(part for part in full if part != "1")}
    else:
        names |= {reference}
        names |= {kind.international_short} if kind.choice in ("", "1", "2", "H", "R") else set()
    names = {_compact(name) for name in names}
    if kind.number >= _FIRST_CUBIC:
        names |= {name.replace("-3", "3") for name in names if name != "f-43m"}
    choice, hall = kind.choice.lower(), _spaced(kind.hall_symbol)
    return Setting(hall_number, kind.number, choice, frozenset(names), _compact(reference), hall)


def _compact(name: str) -> str:
    return re.sub(r"[\s_(){}$'\"]", "", name).lower()


def _spaced(hall: str) -> str:
    return re.sub(r"[\s_]+", " ", hall.strip("' ")).strip().lower()


@cache
def operations_of(hall_number: int) -> tuple[IntArray, FloatArray]:
    """Return the rotations (n, 3, 3) and translations (n, 3) of a setting."""
    import spglib

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        found = spglib.get_symmetry_from_database(hall_number)
    if found is None:
        raise UnreadableFile(f"the setting {hall_number} is not known to spglib")
    return np.asarray(found["rotations"], dtype=np.int64), np.asarray(found["translations"])
