"""Bank accounts, statements, matches and breaks; the ledger's tables live in `reconciliation.ledger.models`."""

from reconciliation.ledger.models import Account, Book, Entry, Line, Snapshot, SnapshotBalance
from reconciliation.models.banks import BankAccount
from reconciliation.models.breaks import Break
from reconciliation.models.closes import Close
from reconciliation.models.exports import AccountMapping, ExportBatch, ExportedEntry
from reconciliation.models.matches import Match
from reconciliation.models.statements import Statement, StatementImport, StatementLine

__all__ = [
    "Account",
    "AccountMapping",
    "BankAccount",
    "Book",
    "Break",
    "Close",
    "Entry",
    "ExportBatch",
    "ExportedEntry",
    "Line",
    "Match",
    "Snapshot",
    "SnapshotBalance",
    "Statement",
    "StatementImport",
    "StatementLine",
]
