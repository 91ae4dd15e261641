"""The text of a CIF file: its blocks, and the items of one."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping
from typing import Any, TypeAlias

from sktl._echo import echo
from sktl._limits import LARGEST_CIF
from sktl.representations._faults import UnreadableFile

Items: TypeAlias = dict[str, Any]
"""Items of a block by name, in lower case and without dots: a text, or a list in a loop."""

NUMBER = re.compile(r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?(?:\(\d*\)?)?", re.A)
"""A number of a CIF file, with its uncertainty."""

UNSTATED = ("", ".", "?")
"""Values that say nothing."""

_FIELD = r"^;(?P<field>.*?)(?:\n;|\Z)"  # between lines that begin with a semicolon
_HEADER = re.compile(rf"{_FIELD}|^[^\S\n]*data_(?P<name>\S*)", re.M | re.S | re.I)
_TOKEN = re.compile(
    rf"""{_FIELD}|\#[^\n]*|'''(?P<first>.*?)'''|\"\"\"(?P<second>.*?)\"\"\"|"""
    r"""'(?P<third>[^\n]*?)(?:'(?!\S)|$)|"(?P<fourth>[^\n]*?)(?:"(?!\S)|$)|(?P<word>\S+)""",
    re.M | re.S,
)
_SIGNS = dict.fromkeys([0xAD, *range(0x2010, 0x2016), 0x2043, 0x2212, 0xFE58, 0xFE63, 0xFF0D], "-")
_SIGNS |= {0x2044: "/", 0x200B: "", 0xFEFF: ""}
_BARRED = re.compile("([1-6])[\u0304\u0305]")
_UNIT = re.compile(r"(?<=[0-9.)])\s*[\u00c5\u00b0]$")  # Angstrom, degree
_UNITS = ("\u00c5", "\u212b", "\u00b0")
_MEANT: tuple[str, ...] = (
    "_cell_length_",
    "_cell_angle_",
    "_cell_volume",
    "_cell_formula_units",
    "_atom_site_",
)
_MEANT += ("_atom_type_", "_space_group", "_symmetry", "_chemical_formula", "_exptl_crystal_dens")
_SITES, _ELLIPSOIDS = ("_atom_site_", "_atom_site."), "_atom_site_aniso"


def split_cif(text: str) -> list[tuple[str, int, str]]:
    """Return name, first line from 1, and text of each block of a file that has sites of atoms."""
    begun = [(found.start(), found["name"]) for found in _HEADER.finditer(text)
             if found["name"] is not None]  # fmt: skip
    ends = [*(start for start, _ in begun[1:]), len(text)]
    blocks, line, before = [], 1, 0
    for (start, name), end in zip(begun, ends, strict=False):
        line, before = line + text.count("\n", before, start), start
        part = text[start:end]
        if _has_sites(part):
            blocks.append((name, line, part))
    return blocks


def block_items(text: str) -> Items:
    """Return the items of the text of one block.

    Raises
    ------
    UnreadableFile
        A loop is incomplete, a value has no name, or one name has two values that disagree.
    """
    items: Items = {}
    loop: list[str] = []
    values: list[str] = []
    name, in_loop = "", False
    for token in _TOKEN.finditer(text.translate(_SIGNS)):
        word = token["word"]
        if word and word[0] == "_":
            if in_loop and not values:
                loop.append(word)
                continue
            _add_loop(items, loop, values)
            name, in_loop, loop, values = word, False, [], []
        elif word and word.lower() == "loop_":
            _add_loop(items, loop, values)
            name, in_loop, loop, values = "", True, [], []
        elif word and word.lower().startswith("data_"):
            continue
        elif token.lastgroup:
            value = " ".join((token[token.lastgroup] or "").split("\n")).strip()
            if name:
                _add(items, name, value)
                name = ""
            elif loop:
                values.append(value)
            elif value not in _UNITS:
                raise UnreadableFile(f"it has the value {echo(value)} without a name before it, "
                                     "put a text of several words in quotes")  # fmt: skip
    _add_loop(items, loop, values)
    return items


def _words(text: str) -> Iterator[str]:
    """Yield what stands in a block without quotes."""
    return (found["word"] for found in _TOKEN.finditer(text) if found["word"])


def _has_sites(block: str) -> bool:
    """Tell whether a block has sites of atoms; what is too long to read is not taken apart."""
    if len(block) <= LARGEST_CIF:
        return any(map(_is_of_sites, _words(block)))
    lower = block.lower()
    return any(start in lower for start in _SITES)


def _is_of_sites(word: str) -> bool:
    word = word[: len(_ELLIPSOIDS)].lower()
    return word.startswith(_SITES) and word.replace(".", "_") != _ELLIPSOIDS


def _add_loop(items: Items, names: list[str], values: list[str]) -> None:
    """Add a loop; one that is empty takes in the name of the item that follows."""
    if len(values) == 1 < len(names):
        _add(items, names[-1], values[0])
        return
    if names and len(values) % len(names):
        raise UnreadableFile(
            f"its loop of {echo(names[0])} has {len(values)} values for {len(names)} names: a "
            "value is missing, or a text of several words is not in quotes"
        )
    for i, name in enumerate(names if values else ()):
        _add(items, name, values[i :: len(names)])


def _add(items: Items, name: str, value: str | list[str]) -> None:
    """Add an item, which may be stated twice if both agree."""
    key = name.lower().replace(".", "_")
    if not key.startswith(_MEANT) or key.startswith(_ELLIPSOIDS):
        items[key] = value
        return
    if not key.endswith("label"):
        value = _plain(value) if isinstance(value, str) else [_plain(each) for each in value]
    before = items.get(key, "")
    if value in UNSTATED and before:
        return
    if before not in UNSTATED and _as_list(before) != _as_list(value):
        raise UnreadableFile(f"it states {key} twice, as {echo(before)} and {echo(value)}: leave "
                             "one of them out")  # fmt: skip
    items[key] = value


def _as_list(value: str | list[str]) -> list[str]:
    return [value] if isinstance(value, str) else value


def _plain(text: str) -> str:
    """Return a text in which signs, digits and bars are those that programs write."""
    if text.isascii():
        return text
    text = unicodedata.normalize("NFKC", text).translate(_SIGNS)
    return _UNIT.sub("", _BARRED.sub(r"-\1", text))


def stated(items: Mapping[str, object], *keys: str) -> str:
    """Return the first value that is stated under any of the keys, or an empty text."""
    for key in keys:
        value = items.get(key)
        if isinstance(value, list) and len(value) == 1:
            value = value[0]
        if isinstance(value, str) and value.strip() not in UNSTATED:
            return value.strip()
    return ""
