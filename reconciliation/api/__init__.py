"""Reconciliation under /v1, a module a subject.

Each module ends with `routes`, a list of (path below /v1, viewset); a new one is imported and added to the list here.
"""

from reconciliation.api import banks, breaks, closes, columns, exports, ignored, match_rules, matches, statements

routes = [
    *banks.routes,
    *statements.routes,
    *columns.routes,
    *matches.routes,
    *ignored.routes,
    *match_rules.routes,
    *breaks.routes,
    *exports.routes,
    *closes.routes,
]
