"""The finance admin of payments, a module a subject; importing it registers its models."""

from payments.admin import accounts, autopay, charges, deposits, disbursements, methods, payouts, recovery

__all__ = [
    "accounts",
    "autopay",
    "charges",
    "deposits",
    "disbursements",
    "methods",
    "payouts",
    "recovery",
]
