"""Pure: find a card number in a text, so that none is ever taken in, kept or shown.

A card number has 13 to 19 digits, in one piece or in groups as people write them; it begins as a network's numbers do,
has a length that network uses, and ends with the right check digit (ISO/IEC 7812-1). Digits that belong to an id or to
a policy number, which show by the letters they hang on, are none.
"""

from __future__ import annotations

import functools
import itertools
import re
from collections.abc import Collection, Iterator
from typing import Any, NamedTuple

from coverpay.kernel.errors import Invalid

SHORTEST, LONGEST = 13, 19
_BETWEEN = "[ \t\u00a0\u00ad\u1680\u2000-\u200d\u202f\u205f\u2060\u3000\ufeff.·_/\\-\u2010-\u2015\u2212]"
"""Spaces, hyphens, dots, slashes and what cannot be seen: up to three stand between two groups."""
_CHAIN = re.compile(rf"\d+(?:{_BETWEEN}{{1,3}}\d+)*")
_GROUP = re.compile(r"\d+")
_ENOUGH = re.compile(rf"\d(?:{_BETWEEN}{{0,3}}\d){{{SHORTEST - 1}}}")
_NO_NUMBER = re.compile(
    r"\b[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}\b"  # a UUID
    r"|\b[a-z]{2,5}_[0-9a-hjkmnp-tv-z]{26}\b"  # an id of ours
)
_WORD_BEFORE = re.compile(r"([^\W\d_]+)([-_/.#:]{0,2})$")
_WORD_AFTER = re.compile(r"^[-_/.]?([^\W\d_]+)")
_CARD_WORDS = frozenset((
    "amex", "card", "cardno", "cardnumber", "cc", "ccn", "credit", "creditcard", "cvc", "cvv", "debit",
    "diners", "discover", "exp", "expires", "jcb", "mastercard", "mc", "no", "nr", "num", "number", "pan", "thru",
    "valid", "visa", "x",
))  # fmt: skip
"""Words a card number may touch: its name, its network's, and what follows it."""
_STRIPE = ("%B", "%b")
_DOUBLED = (0, 2, 4, 6, 8, 1, 3, 5, 7, 9)
"""A digit doubled, and its digits added."""

_NETWORKS: tuple[tuple[int, int, frozenset[int]], ...] = (
    (4, 4, frozenset({13, 16, 19})),  # Visa
    (51, 55, frozenset({16})),  # Mastercard
    (2221, 2720, frozenset({16})),  # Mastercard's second series
    (34, 34, frozenset({15})),  # American Express
    (37, 37, frozenset({15})),
    (300, 305, frozenset({14, 16, 19})),  # Diners Club
    (3095, 3095, frozenset({14, 16, 19})),
    (36, 36, frozenset({14, 16, 19})),
    (38, 39, frozenset({14, 16, 19})),
    (3528, 3589, frozenset({16, 17, 18, 19})),  # JCB
    (6011, 6011, frozenset({16, 19})),  # Discover
    (644, 649, frozenset({16, 19})),
    (65, 65, frozenset({16, 19})),
    (62, 62, frozenset({16, 17, 18, 19})),  # UnionPay
    (81, 81, frozenset({16, 17, 18, 19})),
    (5018, 5018, frozenset({13, 16, 18, 19})),  # Maestro
    (5020, 5020, frozenset({13, 16, 18, 19})),
    (5038, 5038, frozenset({13, 16, 18, 19})),
    (6304, 6304, frozenset({16, 18, 19})),
    (6759, 6763, frozenset({16, 18, 19})),
    (2200, 2204, frozenset({16, 19})),  # Mir
)
"""First digits, from and to, and the lengths of that network's numbers."""


class CardNumberRefused(Invalid):
    """What was sent holds what looks like a card number, which never belongs here; nothing of it was kept."""

    code = "card_number_refused"


class Span(NamedTuple):
    """Where in the text it stands."""

    start: int
    end: int


def find(text: str) -> Span | None:
    """Give where the first card number of a text stands, or None."""
    return next(_found(text), None)


def masked(text: str) -> str:
    """The text with the digits of every card number but its last four as asterisks."""
    for span in reversed(list(_found(text))):
        inside = text[span.start : span.end]
        digits = sum(character.isdigit() for character in inside)
        for place, character in enumerate(inside):
            if character.isdigit() and digits > 4:
                inside, digits = inside[:place] + "*" + inside[place + 1 :], digits - 1
        text = text[: span.start] + inside + text[span.end :]
    return text


def refused_in(text: str, *, field: str, more: str = "") -> str:
    """Give a single value, such as a token, back when it is no card number and holds none.

    Any 12 to 19 digits that end with the right check digit are taken for one here, whatever they begin with.

    Raises: CardNumberRefused, naming the field and nothing of the value.
    """
    digits = "".join(character for character in text if character.isalnum())
    if find(text) is not None or (digits.isdecimal() and 12 <= len(digits) <= LONGEST and luhn(digits)):
        raise CardNumberRefused(
            f"This looks like a card number. Send the processor's token instead.{more}", field=field
        )
    return text


def place_of(value: Any, path: str = "", *, but: Collection[str] = ()) -> str | None:
    """Give the path of the first card number inside a value as JSON has it: objects, lists, texts, whole numbers.

    A key that holds one is named by its place, never by itself; an empty path is the value as a whole. What is under a
    key of `but` is not looked at.
    """
    match value:
        case str():
            return path if find(value) is not None else None
        case bool() | None:
            return None
        case int() | float():
            return path if find(str(value).removesuffix(".0")) is not None else None
        case dict():
            for number, (key, inner) in enumerate(value.items()):
                if find(str(key)) is not None:
                    return _join(path, str(number))
                if key not in but and (place := place_of(inner, _join(path, str(key)), but=but)) is not None:
                    return place
        case list() | tuple():
            for number, inner in enumerate(value):
                if (place := place_of(inner, _join(path, str(number)), but=but)) is not None:
                    return place
    return None


def _join(path: str, part: str) -> str:
    return f"{path}.{part}" if path else part


def _found(text: str) -> Iterator[Span]:
    if _ENOUGH.search(text) is None:
        return
    text = _NO_NUMBER.sub(lambda found: "\x00" * len(found[0]), text)
    for chain in _CHAIN.finditer(text):
        if chain.end() - chain.start() >= SHORTEST:
            yield from _in_chain(text, _Chain(text, chain.start(), chain.end()))


class _Chain:
    """Groups of digits that stand together, with sums that tell in one step whether any run of them ends right."""

    def __init__(self, text: str, start: int, end: int) -> None:
        self.groups = [Span(group.start(), group.end()) for group in _GROUP.finditer(text, start, end)]
        bare = "".join(text[group.start : group.end] for group in self.groups)
        self.digits = bare if bare.isascii() else "".join(str(int(digit)) for digit in bare)
        self.offsets = [0, *itertools.accumulate(group.end - group.start for group in self.groups)]
        values = [int(digit) for digit in self.digits]
        doubled = [_DOUBLED[value] for value in values]
        even, odd = [*values], [*doubled]
        even[0::2], odd[0::2] = doubled[0::2], values[0::2]
        self.sums = ([0, *itertools.accumulate(even)], [0, *itertools.accumulate(odd)])

    def ends_right(self, begin: int, end: int) -> bool:
        """Whether the digit before `end` is the check digit of those from `begin` on (ISO/IEC 7812-1, annex B)."""
        sums = self.sums[end % 2]
        return (sums[end] - sums[begin]) % 10 == 0


def _in_chain(text: str, chain: _Chain) -> Iterator[Span]:
    first = 0
    while first < len(chain.groups):
        last = _last_group(text, chain, first)
        if last is not None:
            yield Span(chain.groups[first].start, chain.groups[last].end)
        first = first + 1 if last is None else last + 1


def _last_group(text: str, chain: _Chain, first: int) -> int | None:
    """Which group ends the longest card number that begins with group `first`."""
    begin, found = chain.offsets[first], None
    lengths = _lengths(chain.digits[begin : begin + 4])
    if not lengths:
        return None
    for place in range(first, min(first + LONGEST, len(chain.groups))):
        end = chain.offsets[place + 1]
        if end - begin > LONGEST:
            break
        if end - begin in lengths and chain.ends_right(begin, end):
            start, stop = chain.groups[first].start, chain.groups[place].end
            sizes = [group.end - group.start for group in chain.groups[first : place + 1]]
            if _written_like_one(sizes) and _stands_alone(text, start, stop):
                found = place
    return found


@functools.cache
def _lengths(begin: str) -> frozenset[int]:
    """How long the numbers are that begin with these four digits; empty when no network's do."""
    fitting = (
        lengths for low, high, lengths in _NETWORKS if len(begin) == 4 and low <= int(begin[: len(str(low))]) <= high
    )
    return frozenset().union(*fitting)


def _written_like_one(sizes: list[int]) -> bool:
    """In one piece, in fours (4-4-4-4, 4-6-5, 6-13), in twos or eights, or digit by digit."""
    if len(sizes) == 1 or set(sizes) <= {1} or set(sizes) == {2}:
        return True
    return sizes[0] in (4, 6, 8) and all(size >= 3 for size in sizes[:-1])


def _stands_alone(text: str, start: int, end: int) -> bool:
    """Whether nothing says that the digits are part of an id: letters they touch that are no word of cards."""
    before = (
        None if text[max(0, start - 2) : start] in _STRIPE else _WORD_BEFORE.search(text, max(0, start - 30), start)
    )
    if before is not None and before[1].casefold() not in _CARD_WORDS:
        words_then_dash = before[1].islower() and before[2] in ("-", "/", ".", ":", "#") and len(before[1]) > 1
        if not words_then_dash and before[2] not in (":", "#", ".."):
            return False
    after = _WORD_AFTER.match(text[end : end + 30])
    if after is None:
        return True
    return after[1].casefold() in _CARD_WORDS or (text[end : end + 1] in "-/." and after[1].islower())


def luhn(digits: str) -> bool:
    """ISO/IEC 7812-1, annex B: whether the last digit is the check digit of those before it."""
    values = [int(digit) for digit in reversed(digits)]
    return sum(_DOUBLED[value] if place % 2 else value for place, value in enumerate(values)) % 10 == 0
