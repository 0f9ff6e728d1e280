"""A book whose policies each owe one invoice, with a sandbox account to pay by; the benchmarks of payments begin here.

Invoices are built by `billing.bulk` with everything that belongs to them, so that books tie before and after. Payments
that a processor is still thinking about are written straight into the tables, as `benchmarks.book` does.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from django.db import connection

from benchmarks import billing, book
from payments import accounts
from payments.models import GatewayAccount
from reconciliation import bank_accounts

FIRST_DAY = dt.date(2026, 1, 1)
CHUNK = 1000


@dataclass(frozen=True, slots=True)
class Owed:
    """The operator, its processor account, and the numbers of its policies."""

    house: book.House
    account: GatewayAccount
    numbers: range


def open_book(code: str, count: int, *, first: int) -> Owed:
    """Open an operator whose `count` policies owe an invoice each, and who may charge by the sandbox."""
    owed = _open_book(code, range(first, first + count))
    for chunk in book.chunks(owed.numbers, CHUNK):
        billing.build(numbers=chunk, actor=owed.house.actor)
    return owed


def enrolled_book(code: str, count: int, *, first: int) -> Owed:
    """Open an operator whose `count` policies owe an invoice each and are enrolled in autopay by a token.

    Invoices are written straight into the tables, without schedules and postings: planning payments reads neither.
    """
    owed = _open_book(code, range(first, first + count))
    values = {"low": owed.numbers[0], "high": owed.numbers[-1], "due": FIRST_DAY, "carrier": owed.house.carrier_id}
    with connection.cursor() as cursor:
        cursor.execute("SET session_replication_role = replica")
        cursor.execute(_ENROLLED, values)
        cursor.execute("SET session_replication_role = origin")
    return owed


def _open_book(code: str, numbers: range) -> Owed:
    house = book.open_house(code)
    bank = bank_accounts.open_bank_account(
        name="Trust", bank_id="121000358", account_mark=code, currency="USD", fund="trust", actor=house.actor
    )
    account = accounts.open_account(gateway="sandbox", merchant=code, bank_account_id=bank.id, actor=house.actor)
    rules = [{"when": {"method": ["card", "ach"]}, "gateway": "sandbox"}]
    accounts.publish_routing(rules=rules, effective_from=book.SINCE, actor=house.actor)
    book.seed(house, numbers, first_day=FIRST_DAY, days=28)
    return Owed(house, account, numbers)


def invoices(owed: Owed) -> list[tuple[str, str, int]]:
    """What is owed: (policy, invoice, minor units), by policy."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT policy_id, id, total_minor FROM billing_invoice WHERE policy_id BETWEEN %s AND %s"
            " ORDER BY policy_id",
            [book.policy_id(owed.numbers[0]), book.policy_id(owed.numbers[-1])],
        )
        return [(policy_id, invoice_id, int(minor)) for policy_id, invoice_id, minor in cursor.fetchall()]


_ENROLLED = """
CREATE TEMPORARY TABLE asked AS
    SELECT n, lpad(n::text, 26, '0') AS key, 100000 + (n * 7919) %% 900000 AS minor
      FROM generate_series(%(low)s::bigint, %(high)s::bigint) AS n;
INSERT INTO billing_invoice (id, policy_id, number, currency, total_minor, issued_on, due_on, reason, state, created_at)
    SELECT 'inv_' || key, 'pol_' || key, 'S-' || n || '-001', 'USD', minor, %(due)s, %(due)s, '', 'open', now()
      FROM asked;
INSERT INTO billing_invoiceline (id, invoice_id, term_id, position, component, description, amount_minor, payee_kind,
                                 payee, commission_ppm)
    SELECT 'inl_' || key, 'inv_' || key, 'trm_' || key, 1, 'premium', '', minor, 'carrier', %(carrier)s, 150000
      FROM asked;
INSERT INTO payments_autopay (id, policy_id, method, token, created_at)
    SELECT 'aut_' || key, 'pol_' || key, 'card', 'tok_ok', now() FROM asked;
DROP TABLE asked;
"""
_PENDING = """
CREATE TEMPORARY TABLE awaited AS
    SELECT row_number() OVER (ORDER BY policy_id) AS n, policy_id, id AS invoice_id, total_minor
      FROM billing_invoice WHERE policy_id BETWEEN %(low)s AND %(high)s;
INSERT INTO payments_payment (id, policy_id, invoice_id, amount_minor, currency, surcharge_minor, method, token,
                              capture, initiator, state, created_at)
    SELECT 'pay_' || lpad(n::text, 26, '0'), policy_id, invoice_id, total_minor, 'USD', 0, 'card', 'tok_pending_ok',
           true, 'staff', 'processing', now() FROM awaited;
INSERT INTO payments_paymentpart (id, payment_id, position, policy_id, invoice_id, amount_minor, live)
    SELECT 'prt_' || lpad(n::text, 26, '0'), 'pay_' || lpad(n::text, 26, '0'), 1, policy_id, invoice_id, total_minor,
           true FROM awaited;
INSERT INTO payments_attempt (id, payment_id, invoice_id, account_id, number, amount_minor, currency, state,
                              gateway_reference, phase, outcome_code, outcome_message, network_code, advice,
                              network_transaction_id, routing, submit_count, check_count, created_at)
    SELECT 'att_' || lpad(n::text, 26, '0'), 'pay_' || lpad(n::text, 26, '0'), invoice_id, %(account)s, 1, total_minor,
           'USD', 'pending', 'sbx_' || n, 'charge', '', '', '', '', '', '{}', 1, 0, now() FROM awaited;
DROP TABLE awaited;
"""


def await_processor(owed: Owed) -> list[tuple[str, int]]:
    """Let every invoice have a payment that the processor holds pending. Gives (attempt, minor units)."""
    values = {
        "low": book.policy_id(owed.numbers[0]),
        "high": book.policy_id(owed.numbers[-1]),
        "account": owed.account.id,
    }
    with connection.cursor() as cursor:
        cursor.execute("SET session_replication_role = replica")
        cursor.execute(_PENDING, values)
        cursor.execute("SET session_replication_role = origin")
        cursor.execute(
            "SELECT id, amount_minor FROM payments_attempt WHERE account_id = %s ORDER BY id", [owed.account.id]
        )
        return [(attempt_id, int(minor)) for attempt_id, minor in cursor.fetchall()]
