"""The finance admin of reconciliation, a module a subject; importing it registers its models."""

from reconciliation.admin import banks, closes, columns, exports, ledger, matches, matching

__all__ = ["banks", "closes", "columns", "exports", "ledger", "matches", "matching"]
