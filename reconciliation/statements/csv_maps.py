"""Column maps as they are saved: plain JSON, read strictly. A field nobody knows is refused, never ignored. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from reconciliation.statements import csv_file
from reconciliation.statements.csv_file import ColumnMap
from reconciliation.statements.csv_rows import Column

LONGEST_HEADING = 120
MOST_DESCRIPTIONS = 6
COLUMNS = ("date", "amount", "debit", "credit", "reference", "bank_reference", "payer", "balance")
TEXTS = ("date_format", "delimiter", "decimal", "thousands", "encoding")
FLAGS = ("headings", "newest_first", "amount_is_out")


class BadMap(ValueError):
    """The spec is no map a file could be read by; `field` says where."""

    def __init__(self, field: str, words: str) -> None:
        super().__init__(words)
        self.field = field
        self.words = words


def read(spec: Mapping[str, Any], *, account_identifier: str, bank_id: str, currency: str) -> ColumnMap:
    """Read a saved map for one bank account. Raises: BadMap."""
    only(spec, (*COLUMNS, *TEXTS, *FLAGS, "description", "skip"))
    if spec.get("date") is None:
        raise BadMap("date", "Say which column holds the date.")
    named: dict[str, Any] = {name: column(spec[name], name) for name in COLUMNS if spec.get(name) is not None}
    columns = ColumnMap(
        account_identifier=account_identifier,
        bank_id=bank_id,
        currency=currency,
        description=tuple(column(name, "description") for name in _listed(spec)),
        **named,
        **layout(spec),
    )
    for field, words in csv_file.faults(columns):
        raise BadMap(field, words)
    return columns


def layout(spec: Mapping[str, Any]) -> dict[str, Any]:
    """Read how the files are written: signs, encoding, order. Raises: BadMap."""
    said: dict[str, Any] = {}
    for name, kind in (*((name, str) for name in TEXTS), *((name, bool) for name in FLAGS), ("skip", int)):
        if spec.get(name) is None:
            continue
        if type(spec[name]) is not kind:
            raise BadMap(name, f"{name} is of another kind than a map has there.")
        said[name] = spec[name]
    return said


def only(spec: Mapping[str, Any], known: Sequence[str]) -> None:
    """Raises: BadMap, naming the first field that no map has."""
    for name in spec:
        if name not in known:
            raise BadMap("spec", f"{str(name)[:40]!r} is no field of a map; the fields are {', '.join(known)}.")


def column(value: Any, field: str) -> Column:
    """Read a column: its heading, or its number from 1. Raises: BadMap."""
    if isinstance(value, str) and 0 < len(value) <= LONGEST_HEADING:
        return value
    if type(value) is int and 1 <= value <= 500:
        return value
    raise BadMap(field, "A column is its heading, or its number from 1.")


def _listed(spec: Mapping[str, Any]) -> Sequence[Any]:
    said = spec.get("description") or []
    if not isinstance(said, list) or len(said) > MOST_DESCRIPTIONS:
        raise BadMap("description", f"The texts are a list of up to {MOST_DESCRIPTIONS} columns.")
    return said
