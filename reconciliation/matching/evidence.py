"""What else two lines say about being the same money: the party, the form of the references."""

from __future__ import annotations

import re

from rapidfuzz import fuzz
from rapidfuzz.distance import OSA

from reconciliation.matching.lines import BankLine, BookLine
from reconciliation.matching.names import MIN_NAME, Parties, form, is_name, normal, normal_name

ALIKE = 60
"""Below this likeness (of 100) two names are of two parties."""
_MIN_REFERENCE = 6
_SERIES = re.compile(r"[A-Z]{2,}.*[0-9]{2,}")


def party_named(parties: Parties, bank: BankLine, book: BookLine) -> bool:
    """Tell whether the bank line speaks of the book line's party: by name, by what was learnt, or within its text."""
    party = normal_name(book.party)
    if not party:
        return False
    if parties.of(bank) == party:
        return True
    if len(party) < MIN_NAME or parties.learnt(bank) or not is_name(book.party):
        return False
    return parties.said(bank).issuperset(party.split())


def corroborated(parties: Parties, bank: BankLine, book: BookLine) -> bool:
    """Tell whether more than amount and date speaks for a pair: the party, or a reference with one slip in it."""
    if party_named(parties, bank, book):
        return True
    ours = normal(book.reference)
    if len(ours) < _MIN_REFERENCE:
        return False
    return any(OSA.distance(normal(reference), ours, score_cutoff=1) <= 1 for reference in bank.references)


def contradiction(parties: Parties, bank: BankLine, book: BookLine) -> str:
    """Say why two lines of one amount are not the same money after all; nothing when nothing speaks against it."""
    if book.reference:
        ours = form(book.reference)
        if _SERIES.fullmatch(ours):
            for reference in bank.references:
                if form(reference) == ours and OSA.distance(normal(reference), normal(book.reference)) > 1:
                    return f"the references {reference} and {book.reference} are two of one series"
    party = normal_name(book.party)
    if not party or party_named(parties, bank, book):
        return ""
    written = parties.written(bank)
    if written and is_name(book.party) and fuzz.token_set_ratio(written, party) < ALIKE:
        return f"the bank names {bank.payer} and the books {book.party}"
    return ""
