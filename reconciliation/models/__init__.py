"""Bank accounts, statements, matches and breaks; the ledger's tables live in `reconciliation.ledger.models`."""

from reconciliation.ledger.models import Account, Book, Entry, Line, Snapshot, SnapshotBalance
from reconciliation.models.aliases import PayorAlias
from reconciliation.models.announcements import Announcement
from reconciliation.models.banks import BankAccount
from reconciliation.models.breaks import Break, BreakComment
from reconciliation.models.closes import Close
from reconciliation.models.columns import ColumnMap
from reconciliation.models.exports import AccountMapping, ExportBatch, ExportedEntry
from reconciliation.models.ignored import IgnoredLine
from reconciliation.models.matches import Match, MatchBankLine, MatchBookLine
from reconciliation.models.rules import MatchRuleSet
from reconciliation.models.statements import Statement, StatementImport, StatementLine
from reconciliation.models.suggestions import MatchSuggestion

__all__ = [
    "Account",
    "AccountMapping",
    "Announcement",
    "BankAccount",
    "Book",
    "Break",
    "BreakComment",
    "Close",
    "ColumnMap",
    "Entry",
    "ExportBatch",
    "ExportedEntry",
    "IgnoredLine",
    "Line",
    "Match",
    "MatchBankLine",
    "MatchBookLine",
    "MatchRuleSet",
    "MatchSuggestion",
    "PayorAlias",
    "Snapshot",
    "SnapshotBalance",
    "Statement",
    "StatementImport",
    "StatementLine",
]
