"""Billing under /v1: plans and schedules, invoices, cash, accounts, past due money, nightly runs, trust money."""

from billing.api import accounts, cash, invoices, past_due, plans, runs, trust

routes = [
    *plans.routes,
    *invoices.routes,
    *cash.routes,
    *accounts.routes,
    *past_due.routes,
    *runs.routes,
    *trust.routes,
]
