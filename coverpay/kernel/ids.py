"""Prefixed, sortable ids: `pol_` and 26 characters of Crockford base32 (48 bits of milliseconds, 80 of chance).

Within one process ids rise strictly, inside one millisecond and when the clock steps back; between processes they sort
by millisecond.
"""

from __future__ import annotations

import functools
import itertools
import re
import secrets
import threading
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from django.db import models

from coverpay.kernel import clock

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
_SHAPE = re.compile(r"[a-z]{2,5}_[0-9a-hjkmnp-tv-z]{26}")
_RANDOM_BITS = 80
_lock = threading.Lock()
_last = 0


def new(prefix: str) -> str:
    """Make an id that sorts after every id made before it in this process."""
    global _last
    millis = int(clock.now().timestamp() * 1000)
    fresh = (millis << _RANDOM_BITS) | secrets.randbits(_RANDOM_BITS - 1)
    with _lock:
        same_or_back = fresh >> _RANDOM_BITS <= _last >> _RANDOM_BITS
        number = _last = _last + 1 + secrets.randbits(32) if same_or_back else fresh
    return f"{prefix}_{_encode(number)}"


def many(prefix: str, count: int) -> list[str]:
    """Make ids as `new` would one after the other: each sorts after the one before it."""
    global _last
    millis = int(clock.now().timestamp() * 1000)
    steps = memoryview(secrets.token_bytes(4 * count)).cast("I")
    with _lock:
        fresh = (millis << _RANDOM_BITS) | secrets.randbits(_RANDOM_BITS - 1)
        first = max(fresh, _last + 1)
        numbers = list(itertools.accumulate(steps, lambda before, step: before + 1 + step, initial=first))
        _last = numbers[-1]
    return _encode_rising(prefix, numbers[1:])


def _encode_rising(prefix: str, numbers: Sequence[int]) -> list[str]:
    """Encode numbers that lie close together: what they begin with is worked out once."""
    triples = _triples()
    found: list[str] = []
    high, begin = -1, ""
    for number in numbers:
        if number >> 60 != high:
            high = number >> 60
            begin = f"{prefix}_{_encode(number)[:14]}"
        found.append(
            begin
            + triples[(number >> 45) & 32767]
            + triples[(number >> 30) & 32767]
            + triples[(number >> 15) & 32767]
            + triples[number & 32767]
        )
    return found


@functools.cache
def _triples() -> list[str]:
    return ["".join(letters) for letters in itertools.product(_ALPHABET, repeat=3)]


def _encode(number: int) -> str:
    return "".join(_ALPHABET[(number >> shift) & 31] for shift in range(125, -1, -5))


def is_id(text: object, prefix: str | None = None) -> bool:
    """Tell whether a text has the shape of an id (of this prefix)."""
    if not isinstance(text, str) or not _SHAPE.fullmatch(text):
        return False
    return prefix is None or text.startswith(prefix + "_")


if TYPE_CHECKING:
    _TextField = models.CharField[str, str]
else:
    _TextField = models.CharField


class IdField(_TextField):
    """A text primary key filled with `new(prefix)`; collation C, so that it sorts and compares by bytes."""

    def __init__(self, *args: Any, prefix: str, **kwargs: Any) -> None:
        self.prefix = prefix
        kwargs.setdefault("primary_key", True)
        kwargs.setdefault("max_length", 32)
        kwargs.setdefault("db_collation", "C")
        kwargs.setdefault("editable", False)
        super().__init__(*args, **kwargs)

    def db_type(self, connection: Any) -> str:
        """Name the type in full: `varchar` would bring a second index for LIKE, which collation C has no need of."""
        return f"character varying({self.max_length})"

    def get_default(self) -> str:
        return new(self.prefix)

    def has_default(self) -> bool:
        return True

    def deconstruct(self) -> Any:
        name, path, args, kwargs = super().deconstruct()
        return name, path, args, {**kwargs, "prefix": self.prefix}
