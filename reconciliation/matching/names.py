"""How references and names are spelled so that they can be compared."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping
from functools import lru_cache

from reconciliation.matching.lines import Alias, BankLine

_SEPARATORS = re.compile(r"[\W_]+")
_LAST_PART = re.compile(r"[\W_]+[^\W_]+[\W_]*$")
_LEGAL_FORMS = frozenset(
    [
        "AND",
        "CO",
        "COMPANY",
        "CORP",
        "CORPORATION",
        "INC",
        "INCORPORATED",
        "LLC",
        "LLP",
        "LP",
        "LTD",
        "LIMITED",
        "PLC",
        "THE",
    ]
)
_OUR_ID = re.compile(r"[a-z]{2,5}_[0-9A-Za-z]+")
_MIN_BATCH = 4
MIN_NAME = 5
"""A shorter name is not looked for within a bank's text."""


def normal(reference: str) -> str:
    """Spell a reference as banks do: capitals and digits only. Nothing but zeros is no reference."""
    spelled = reference.upper().replace("-", "")
    if not spelled.isalnum():
        spelled = _SEPARATORS.sub("", spelled)
    return spelled if spelled.strip("0") else ""


def batch(reference: str) -> str:
    """Spell what a numbered reference is a part of: DEP-0042-07 belongs to DEP0042; PAY-07 to nothing that is named."""
    found = _LAST_PART.search(reference)
    spelled = normal(reference[: found.start()]) if found else ""
    return spelled if len(spelled) >= _MIN_BATCH and any(sign.isdigit() for sign in spelled) else ""


def form(reference: str) -> str:
    """Tell how a reference is built, its digits blanked out: those of one series have one form."""
    return re.sub(r"\d", "0", normal(reference))


@lru_cache(maxsize=1 << 16)
def normal_name(name: str) -> str:
    """Spell a name without accents, marks, legal forms and order: John A. Smith, Inc. and SMITH JOHN A are one."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode() if not name.isascii() else name
    words = _SEPARATORS.sub(" ", plain.upper()).split()
    return " ".join(sorted(word for word in words if word not in _LEGAL_FORMS) or sorted(words))


def is_name(party: str) -> bool:
    """Tell whether a party is given by name: an id of ours says nothing about how a bank would write it."""
    return bool(party) and _OUR_ID.fullmatch(party) is None


class Parties:
    """Who a bank line speaks of, as far as the bank's words or what was learnt of them tell."""

    __slots__ = ("_learnt", "_said")

    def __init__(self, aliases: Iterable[Alias] = ()) -> None:
        learnt: dict[str, set[str]] = {}
        for alias in aliases:
            for spelled in {normal_name(alias.normal_text), normal(alias.normal_text)} - {""}:
                learnt.setdefault(spelled, set()).add(normal_name(alias.party))
        self._said: dict[str, frozenset[str]] = {}
        self._learnt: Mapping[str, str] = {text: parties.pop() for text, parties in learnt.items() if len(parties) == 1}

    def written(self, line: BankLine) -> str:
        """The party as the bank writes it, made comparable."""
        return normal_name(line.payer)

    def said(self, line: BankLine) -> frozenset[str]:
        """All words the bank gives for a line, made comparable."""
        found = self._said.get(line.id)
        if found is None:
            found = self._said[line.id] = frozenset(normal_name(f"{line.payer} {line.text}").split())
        return found

    def learnt(self, line: BankLine) -> str:
        """The party that confirmed pairs taught for these words of the bank; nothing where they taught two."""
        if not self._learnt:
            return ""
        for text in (line.payer, line.text):
            if text and (known := self._learnt.get(normal_name(text)) or self._learnt.get(normal(text))):
                return known
        return ""

    def of(self, line: BankLine) -> str:
        """The party learnt, or else the one written."""
        return self.learnt(line) or self.written(line)
