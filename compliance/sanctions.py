"""Pure: lists of blocked persons as OFAC publishes them, and how like a name is to one of theirs.

The CSV layouts are those of the SDN data specification (2023-09-25): SDN.CSV and CONS_PRIM.CSV hold the names, ALT.CSV
and CONS_ALT.CSV the other names; `-0-` stands for nothing. The numbers in them are the list's own, and not official.
"""

from __future__ import annotations

import csv
import io
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from rapidfuzz import fuzz, process

from coverpay.kernel.errors import Invalid

NOTHING = "-0-"
PRIMARY_COLUMNS = 12
OTHER_COLUMNS = 5
THRESHOLD = 90
"""From this likeness (0 to 100) on, a person looks at the pair."""
_NOISE = frozenset({"mr", "mrs", "ms", "dr", "the", "inc", "llc", "ltd", "co", "corp", "company", "limited"})


class ListUnreadable(Invalid):
    """A file is not a list as OFAC lays it out; nothing of it was kept."""

    code = "list_unreadable"


@dataclass(frozen=True, slots=True)
class Listed:
    """One name on a list, with the list's own number of whom it names."""

    entity: str
    name: str
    kind: str = ""
    program: str = ""


@dataclass(frozen=True, slots=True)
class Likeness:
    """A listed name that is like the one asked about, and how much, 0 to 100."""

    listed: Listed
    score: int


def read(primary: str, other_names: str = "") -> list[Listed]:
    """Read a list's names and, with them, its other names.

    Takes:  the text of SDN.CSV (or CONS_PRIM.CSV), and of ALT.CSV (or CONS_ALT.CSV).
    Raises: ListUnreadable, naming the file and row.
    """
    names = {row[0]: _listed(row) for row in _rows(primary, PRIMARY_COLUMNS, "primary")}
    if not names:
        raise ListUnreadable("The file of names has no row.", field="primary")
    others = []
    for row in _rows(other_names, OTHER_COLUMNS, "other_names"):
        known = names.get(row[0])
        if known is None:
            raise ListUnreadable(
                f"The other names speak of {row[0]}, whom the list does not have.", field="other_names"
            )
        others.append(Listed(known.entity, row[3], known.kind, known.program))
    return [*names.values(), *others]


def fold(name: str) -> str:
    """A name as it is compared: no accents, marks, case or order, and without words that say nothing."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode() or name
    words = "".join(character if character.isalnum() else " " for character in plain.casefold()).split()
    telling = [word for word in words if word not in _NOISE]
    return " ".join(sorted(telling or words))


def alike(name: str, folded: Iterable[tuple[str, Listed]], *, threshold: int = THRESHOLD) -> list[Likeness]:
    """The listed names that are like a name, the likest first; each entity once."""
    asked = fold(name)
    if not asked:
        return []
    listed = list(folded)
    choices = [text for text, _ in listed]
    best: dict[str, Likeness] = {}
    for _, score, index in process.extract(
        asked, choices, scorer=fuzz.token_sort_ratio, score_cutoff=threshold, limit=20
    ):
        found = listed[index][1]
        if found.entity not in best:
            best[found.entity] = Likeness(found, round(score))
    return sorted(best.values(), key=lambda each: (-each.score, each.listed.entity))


def _rows(text: str, columns: int, field: str) -> Iterator[list[str]]:
    # The published files end with the end-of-file mark of DOS.
    for number, row in enumerate(csv.reader(io.StringIO(text.replace("\x1a", ""))), start=1):
        if not row:
            continue
        cells = [cell.strip() for cell in row]
        if len(cells) != columns or not cells[0].isdecimal() or not cells[3 if columns == OTHER_COLUMNS else 1]:
            raise ListUnreadable(
                f"Row {number} is not one of the list: it needs {columns} columns, a number first and a name.",
                field=field,
            )
        yield ["" if cell == NOTHING else cell for cell in cells]


def _listed(row: list[str]) -> Listed:
    return Listed(row[0], row[1], row[2] or "entity", row[3])
