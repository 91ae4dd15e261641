"""Formulas that can be read, but that may mean something else: refused, with what may be meant."""

from __future__ import annotations

import re

from sktl._echo import echo
from sktl._limits import LONGEST_ECHO
from sktl.representations._faults import Fault
from sktl.representations._formula_grades import grade_fault
from sktl.representations._formula_grammar import Unreadable, mark_stops, read_text
from sktl.representations._formula_typos import find_typo, in_shares
from sktl.representations._symbols import NONMETALS, SYMBOL

_NUMBER = r"[0-9]+(?:\.[0-9]*)?"
_LEADING_ZERO = re.compile(r"(?<![0-9.\-])(?<![0-9.]e)0[0-9]")
_ITEM = re.compile(
    rf"(^|[A-Z][a-z]?|[(\[{{)\]}}·]|(?<![0-9.])(?<![0-9.]e)(?<![0-9.]e-))({_NUMBER})(?!e-)"
)
_LEADING_NUMBER = re.compile(r"(?<![0-9.])0([0-9]+)")
_INNER_ZERO = re.compile(r"([2-9]|[1-9][0-9])0([1-9][0-9]?(?:\.[0-9]+)?)")
_LAST_DECIMAL = re.compile(r"([0-9]*\.[0-9]*[1-9])0([2-9]|1[0-9])$")
_DECIMAL = re.compile(r"(?<![0-9])[0-9]*\.[0-9]+")
_OXYGEN = re.compile(r"O(?![a-z])")
_OXIDE_OF_TWO = re.compile(
    r"(?:^|[·(\[][0-9.]*)(?:H|Li|Na|Cu|Ag|Tl|N)20(?=$|[·)\]])"  # K20: cells of 20 atoms
    r"|[·(\[][0-9.]*(?:K|Rb|Cs)20(?=$|[·)\]])|^(?:K|Rb|Cs)20(?=·)"
)
_WATER = re.compile(r"([.·]\s*[0-9]*\s*|[(\[])H20(?=$|[.·)\]])")
_ZERO_IN_NAME = re.compile(r"C0(?=O)")  # LiC0O2 for LiCoO2
_PLAIN_ZERO = re.compile(r"(?<=[A-Za-z(\[])0(?![0-9.])")
_ZERO_IN_SALT = re.compile(r"O0H|0OH|0(?:PO4|SO4|NO3|CO3|ClO4)")  # FeO0H, V0PO4
_SERIES = re.compile(r"(?<![0-9.])1(?![0-9])|\.|O(?![a-z])")  # Al0Ga1As, La2Sr0CuO4: no sodium
BRACKETS = "bracket with two readings"
_MAX_PROPOSED = 2
_FEW = 0.1

_ROMAN = re.compile(
    r"[(\[](?:I{2,3}|IV|VI{1,3})[)\]]"
    r"|(?:(?<=^[A-Z])|(?<=^[A-Z][a-z0-9])|(?<=^[A-Z][a-z][0-9]))[(\[][IV][)\]](?=[0-9]*[A-Z])"
)
_NOTE = re.compile(  # TiO2(B), SrTiO3 (Nb), FeAl (B2)
    r"(.*[A-Za-z0-9)\]])(?:\s*([(\[{][A-Z][a-z]?[)\]}])|\s+([(\[{](?:B[123]|C(?:1|14|15|36))[)\]}]))"
)
_BEFORE_STOP = re.compile(r"(?:([A-Z][a-z]?)|[)\]}])([0-9]*)$")
_SAID_ONE = re.compile(r"(?<![0-9.])1(?![0-9.])")  # Si1O2.5H3 is written by a program
_AFTER_STOP = re.compile(r"([1-9][0-9]*)\s*(?=[A-Z(\[{])")
_BRACKET = re.compile(rf"[(\[{{]\s*((?:[A-Z][a-z]?\s*){{2,40}})[)\]}}]\s*({_NUMBER}|\.[0-9]+)")

_BARE_CAPITAL = re.compile(r"(?<=[A-Z])(?![0-9.])")
_CAPITALS = re.compile(
    r"TI|^SI(?=(?:O2?|C|3N4)$)|^IN(?=(?:N|P|2O3|2S3)$)|^SN(?=[OS]2?$)|NI(?=[0-9.]*[OBCFHPS])"
    r"|CU(?=[0-9.]*[OSINBF])|CD(?=[0-9.]*[OSIF])|HF(?=[0-9.]*[OCNB])|^CO(?=[0-9.]*O)"
    r"|NB(?=[0-9.]*[CNOS])|PB(?=[0-9.]*[OSFI])|BI(?=[0-9.]*[OSFI])|SC(?=[0-9.]+O)"
)

_STANDS_FOR_BRACKET = "Og"
_INNERMOST = re.compile(r"[(\[{]([^()\[\]{}]*)[)\]}]")


def check_doubts(text: str) -> None:
    """Refuse a readable formula that has a second reading in the field."""
    reason = _odd_zero(text)
    if reason:
        raise Unreadable(
            zero_fault(text, f"{reason}, perhaps a zero for the letter O or a lost decimal point")
        )
    if "." in text and "·" not in text:
        _check_stops(text)
    if "(" in text or "[" in text or "{" in text:
        _check_brackets(text)
    grade = grade_fault(text)
    if grade is not None:
        raise Unreadable(grade)
    if text.isupper():
        _check_capitals(text)
    typo = find_typo(text)
    if typo is not None:
        meant = listed(typo.guesses)
        write = f"{meant} or {_written(read_text(text))!r}" if meant else ""
        raise Unreadable(Fault(typo.kind, typo.looks_like, write))


def _check_capitals(text: str) -> None:
    """Refuse SIO2, which is sulfur and iodine as it stands, but not CO2."""
    meant = _CAPITALS.sub(lambda found: found[0].capitalize(), text)
    if meant != text and read_without_doubt(meant):
        raise Unreadable(
            Fault(
                "lower case or capitals by mistake",
                "its letters may be all capitals by mistake",
                f"{meant!r} or {_BARE_CAPITAL.sub('1', text)!r}",
            )
        )


def read_without_doubt(text: str) -> dict[str, float] | None:
    """Return the amounts of a formula that has exactly one reading, else None."""
    try:
        amounts = read_text(text)
        if not any(amounts.values()) or _odd_zero(text):
            return None
        check_doubts(text)
    except Unreadable:
        return None
    return amounts


def zero_fault(text: str, looks_like: str) -> Fault:
    """Return what is said of a text with a zero that may be the letter O."""
    write, repair = proposed(with_letter_o(text))
    kind = "zero for the letter O"
    return Fault(kind, looks_like, write, repair if _is_surely_a_letter(text) else None)


def _is_surely_a_letter(text: str) -> bool:
    """Tell whether no zero of a text can be a lost decimal point, or an amount."""
    leading = re.findall(r"(.?)(?<![0-9.])(0[0-9][0-9.]*)", text)
    if leading:
        ((before, number), *more) = leading
        large = re.search(r"(?<![0-9.])[1-9][0-9]+(?![0-9.])", text)
        return not more and not large and before != "O" and len(number) == 2
    inner = [_INNER_ZERO.fullmatch(number) for _, number in _ITEM.findall(text)]
    if any(each and float(each[2]) > 4 * float(each[1]) for each in inner):
        return False
    alone = _PLAIN_ZERO.search(text)
    return not alone or alone.end() == len(text) or _ZERO_IN_SALT.search(text) is not None


def only_reading(proposals: list[str]) -> str | None:
    """Return the first proposal where all that can be read are one composition, else None."""
    short = [each for each in proposals if len(each) <= LONGEST_ECHO]
    readings = {each: read_without_doubt(each) for each in short}
    good = {each: reading for each, reading in readings.items() if reading}
    first = next(iter(good), None)
    if first is None or not all(_same(good[first], reading) for reading in good.values()):
        return None
    return first


def proposed(proposals: list[str]) -> tuple[str, str | None]:
    """Return what to write, as text, and the repair where only one can be meant."""
    only = only_reading(proposals)
    return (repr(only) if only else listed(proposals)), only


def listed(proposals: list[str]) -> str:
    """Return the first proposals that can be read, as ``'SiO2' or 'Si0.2'``; may be empty."""
    short = [each for each in dict.fromkeys(proposals) if len(each) <= LONGEST_ECHO]
    good = [each for each in short if read_without_doubt(each)]
    return " or ".join(map(repr, good[:_MAX_PROPOSED]))


def check_core_and_shell(text: str) -> str:
    """Return a text without ``@``: of an atom in a cage of carbon; refuse a core in a shell."""
    if "@" not in text:
        return text
    if re.search(r"@(?!\s*C[2-9][0-9])", text):
        parts = [part.strip() for part in text.split("@")]
        mixed = listed(["·".join(parts)])
        alone = " or ".join(map(repr, filter(read_without_doubt, parts)))
        raise Unreadable(
            Fault(
                "core in a shell",
                "it looks like a core in a shell, whose amounts it does not say",
                (f"{mixed} if they are one to one" if mixed else "one formula with amounts")
                + (f", else the part that was measured, {alone}" if alone else ""),
            )
        )
    return text.replace("@", " ")


def with_letter_o(text: str) -> list[str]:
    """Return what may be meant by a text with zeros typed for the letter O, best guess first."""
    letter = _ITEM.sub(_as_letter, text)
    point = _ITEM.sub(_as_point, text)
    name = _ITEM.sub(_as_name, text)
    name = _ITEM.sub(_as_letter, _ZERO_IN_NAME.sub("Co", name))
    any_zero = _PLAIN_ZERO.sub("O", letter)
    water = _WATER.sub(r"\1H2O", text)
    decimal = _LAST_DECIMAL.sub(r"\1O\2", text)
    cobalt = _ITEM.sub(_as_letter, re.sub(r"CO(?=[2-9]0[1-9])", "Co", text))
    guesses = [cobalt if "CO" in text else letter, letter, water, name, decimal, any_zero]
    leading = _LEADING_NUMBER.search(text)
    if leading and not _is_surely_a_letter(text):
        guesses = [point, *guesses] if len(_LEADING_NUMBER.findall(text)) > 1 else [*guesses, point]
    if leading and re.search(r"C0(?:0|[2-9]0[1-9])", text):
        guesses = [name, *guesses]
    elif leading and (
        re.fullmatch(r"0*[1-9][0-9]*0", leading[1])
        or re.search(r"(?<![0-9])00\.[0-9]", text)
        or (_DECIMAL.search(text) and (len(leading[1]) > 1 or _OXYGEN.search(text)))
    ):
        guesses = [point, *guesses]
    guesses += [point] if leading and _DECIMAL.search(text) else []
    return [guess for guess in guesses if guess != text]


def _as_letter(match: re.Match[str]) -> str:
    return match[1] + _letter(match[1], match[2])


def _letter(before: str, number: str) -> str:
    """Return a number with zeros as letters where a zero cannot stand."""
    if re.match(r"0[0-9]", number):
        return "O" + _letter("O", number[1:])
    if before in ("", "(", "[", "O") and number == "0":
        return "O"
    inner = _INNER_ZERO.fullmatch(number)
    if inner:
        return f"{inner[1]}O{inner[2]}"
    return "2O" if _OXIDE_OF_TWO.fullmatch(before + number) else number


def _as_point(match: re.Match[str]) -> str:
    """Return a number with a lost decimal point, or without a doubled zero."""
    number = re.sub(r"^0+(?=0\.)", "", match[2])
    return match[1] + re.sub(r"^0(?=[0-9]+$)", "0.", number)


def _as_name(match: re.Match[str]) -> str:
    """Return C0 as Co and M0 as Mo."""
    if match[1] not in ("C", "M") or not re.match(r"0(?!\.)", match[2]):
        return match[0]
    return f"{match[1]}o{match[2][1:]}"


def _odd_zero(text: str) -> str:
    """Return what is odd about a zero of a formula; empty if nothing is."""
    if "0" not in text:
        return ""
    if _LEADING_ZERO.search(text):
        return "a number begins with zero"
    if _WATER.search(text):
        return "H20 is no water"
    if _ZERO_IN_NAME.search(text):
        return "it has no carbon at all"
    if _OXIDE_OF_TWO.search(text) or _has_inner_zero(text, _ITEM.findall(text)):
        return "an amount is odd"
    if _PLAIN_ZERO.search(text) and (_ZERO_IN_SALT.search(text) or not _SERIES.search(text)):
        return "an amount is zero"
    if _OXYGEN.search(text):
        return ""
    last = _LAST_DECIMAL.search(text)
    others = sum(map(float, _DECIMAL.findall(text[: last.start()]))) if last else 0.0
    if last and others and _is_whole(others + float(last[1])):
        return "" if _is_whole(others + float(last[0])) else "the amounts do not add up"
    return ""


def _has_inner_zero(text: str, found: list[tuple[str, str]]) -> bool:
    """Tell whether one amount, such as 203, is far above all others of the formula."""
    odd = [number for _, number in found if _INNER_ZERO.fullmatch(number)]
    if not odd:
        return False
    written = [float(number) for symbol, number in found if symbol[:1].isalpha()]
    total = sum(written) + len(SYMBOL.findall(text)) - len(written)
    return any(total - float(number) <= _FEW * float(number) for number in odd)


def _is_whole(number: float) -> bool:
    return abs(number - round(number)) < 1e-6


def _check_stops(text: str) -> None:
    """Refuse a full stop that may be a decimal point or part two compounds."""
    if mark_stops(text) != text or _SAID_ONE.search(text):
        return
    parts = [part.strip() for part in text.split(".")]
    if len(parts) < 2 or any(not _AFTER_STOP.match(part) for part in parts[1:]):
        return
    compounds = [parts[0], *(_AFTER_STOP.sub("", part, count=1) for part in parts[1:])]
    for compound in compounds[:-1]:
        before = _BEFORE_STOP.search(compound)
        if before is None or before[2] in ("0", "1"):
            return
        if before[1] and before[1] not in NONMETALS:
            return
    read = [read_without_doubt(compound) for compound in compounds]
    if any(not each or len(each) < 2 or not NONMETALS.intersection(each) for each in read):
        return
    adduct = "·".join(parts)
    raise Unreadable(
        Fault(
            "full stop with two readings",
            "its full stop may part two compounds or be a decimal point",
            f"{echo(adduct)} or {_written(read_text(text))!r}",
        )
    )


def _written(amounts: dict[str, float]) -> str:
    """Return a formula with decimal amounts last, where no full stop is in doubt."""
    order = sorted(amounts, key=lambda symbol: not _is_whole(amounts[symbol]))
    return "".join(
        f"{each}{'' if amounts[each] == 1 else f'{amounts[each]:.10g}'}" for each in order
    )


def _check_brackets(text: str) -> None:
    roman, noted = _ROMAN.search(text), _NOTE.fullmatch(text)
    found = (roman[0], _ROMAN.sub("", text)) if roman else None
    if noted and not found:
        found = (noted[2] or noted[3], noted[1])
    if found:
        without = listed([found[1].strip()])
        raise Unreadable(
            Fault(
                BRACKETS,
                f"{found[0]!r} may be a phase, a dopant or an oxidation state, or elements",
                f"{f'{without} or ' if without else ''}{_written(read_text(text))!r}",
            )
        )
    _check_alloy(text)


def _check_alloy(text: str) -> None:
    """Refuse brackets of metals without amounts in a composition that adds up to 100 or 1."""
    brackets = [
        each
        for each in _BRACKET.finditer(text)
        if not NONMETALS.intersection(SYMBOL.findall(each[1]))
    ]
    if not brackets:
        return
    outer = _BRACKET.sub(rf"{_STANDS_FOR_BRACKET}\2", text)
    if not any(map(_adds_up, [outer, *_INNERMOST.findall(outer)])):
        return
    shared = _BRACKET.sub(_shared, text)
    if _same(read_text(text), read_text(shared)):
        return
    raise Unreadable(
        Fault(
            BRACKETS,
            f"{echo(brackets[0][0])} may say that its elements share the amount, or that each has "
            "it",
            f"{echo(shared)} or {_written(read_text(text))!r}",
        )
    )


def _adds_up(text: str) -> bool:
    """Tell whether amounts, one of them that of a bracket, add up to 100 or 1."""
    try:
        total = sum(read_text(text).values())
    except Unreadable:
        return False
    return _STANDS_FOR_BRACKET in text and min(abs(total - 100), 100 * abs(total - 1)) <= 0.5


def _shared(match: re.Match[str]) -> str:
    """Return the elements of a bracket with equal shares of its amount."""
    return in_shares(match[1], float(match[2]))


def _same(one: dict[str, float], other: dict[str, float]) -> bool:
    a, b = sum(one.values()), sum(other.values())
    each_element = {*one, *other}
    return all(abs(one.get(e, 0.0) / a - other.get(e, 0.0) / b) < 1e-4 for e in each_element)
