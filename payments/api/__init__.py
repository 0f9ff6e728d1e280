"""Payments under /v1, a module a subject.

Each module ends with `routes`, a list of (path below /v1, viewset); a new one is imported and added to the list here.
"""

from payments.api import (
    accounts,
    ach,
    autopay,
    break_resolutions,
    charges,
    deposits,
    disbursements,
    disputes,
    methods,
    pay_links,
    payouts,
    recovery,
    scheduled,
    sources,
)

routes = [
    *autopay.routes,
    *methods.routes,
    *scheduled.routes,
    *charges.routes,
    *accounts.routes,
    *payouts.routes,
    *break_resolutions.routes,
    *disbursements.routes,
    *disputes.routes,
    *deposits.routes,
    *recovery.routes,
    *ach.routes,
    *pay_links.routes,
    *sources.routes,
]
