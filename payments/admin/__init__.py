"""The finance admin of payments, a module a subject; importing it registers its models."""

from payments.admin import (
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
    sources,
)

__all__ = [
    "accounts",
    "ach",
    "autopay",
    "break_resolutions",
    "charges",
    "deposits",
    "disbursements",
    "disputes",
    "methods",
    "pay_links",
    "payouts",
    "recovery",
    "sources",
]
