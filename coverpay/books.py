"""Prove the books: what the ledger says, beside what invoices, receipts, attempts and payouts say.

Every account's balance is computed a second time from the rows that caused it; whatever differs is named.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from django.db import connection, transaction

from coverpay.kernel.money import Money

# Balances as the causing rows have them, debit positive: (organization, code, owner, currency, amount).
_EXPECTED = """
WITH application AS (
    SELECT p.operator_id AS org, i.currency, l.component, l.payee_kind, l.payee, a.amount_minor, a.commission_minor
      FROM billing_application a
      JOIN billing_invoiceline l ON l.id = a.line_id
      JOIN billing_invoice i ON i.id = l.invoice_id
      JOIN policies_policy p ON p.id = i.policy_id
), payout AS (
    SELECT o.organization_id AS org, o.account_id, g.bank_account_id, o.currency, o.amount_minor,
           (SELECT COALESCE(SUM(gross_minor), 0) FROM payments_payoutline WHERE payout_id = o.id) AS gross,
           (SELECT COALESCE(SUM(fee_minor), 0) FROM payments_payoutline WHERE payout_id = o.id) AS fee
      FROM payments_payout o JOIN payments_gatewayaccount g ON g.id = o.account_id
), cause (org, code, owner, currency, amount) AS (
    SELECT p.operator_id, 'premium_receivable', '', i.currency, i.total_minor
      FROM billing_invoice i JOIN policies_policy p ON p.id = i.policy_id
    UNION ALL
    SELECT p.operator_id, 'billed_uncollected', '', i.currency, -i.total_minor
      FROM billing_invoice i JOIN policies_policy p ON p.id = i.policy_id
    UNION ALL SELECT org, 'premium_receivable', '', currency, -amount_minor FROM application
    UNION ALL SELECT org, 'billed_uncollected', '', currency, amount_minor FROM application
    UNION ALL
    SELECT p.operator_id, 'unapplied_cash', '', r.currency, -r.amount_minor
      FROM billing_receipt r JOIN policies_policy p ON p.id = r.policy_id
     WHERE NOT EXISTS (SELECT FROM billing_receiptreversal v WHERE v.receipt_id = r.id)
    UNION ALL SELECT org, 'unapplied_cash', '', currency, amount_minor FROM application
    UNION ALL
    SELECT org,
           CASE WHEN payee_kind = 'state' THEN 'tax_payable' WHEN payee_kind = 'operator' THEN 'fee_in_trust'
                WHEN component = 'premium' THEN 'premium_payable' ELSE 'carrier_fee_payable' END,
           CASE WHEN payee_kind = 'operator' THEN org ELSE payee END, currency, commission_minor - amount_minor
      FROM application
    UNION ALL SELECT org, 'commission_in_trust', org, currency, -commission_minor FROM application
    UNION ALL
    SELECT p.operator_id, 'processor_clearing', t.account_id, t.currency, t.taken_minor
      FROM payments_attempt t JOIN payments_payment y ON y.id = t.payment_id
      JOIN policies_policy p ON p.id = y.policy_id
     WHERE t.state = 'succeeded' AND y.state = 'succeeded'
    UNION ALL SELECT org, 'processor_clearing', account_id, currency, -gross FROM payout
    UNION ALL SELECT org, 'trust_cash', bank_account_id, currency, amount_minor FROM payout
    UNION ALL SELECT org, 'due_from_operating', '', currency, fee FROM payout
    UNION ALL SELECT org, 'due_to_trust', '', currency, -fee FROM payout
    UNION ALL SELECT org, 'processor_fees', account_id, currency, fee FROM payout
), expected AS (
    SELECT org, code, owner, currency, SUM(amount) AS amount FROM cause GROUP BY 1, 2, 3, 4
), found AS (
    SELECT b.organization_id AS org, a.code, a.owner, a.currency, SUM(l.amount_minor) AS amount
      FROM reconciliation_line l
      JOIN reconciliation_account a ON a.id = l.account_id JOIN reconciliation_book b ON b.id = a.book_id
     GROUP BY 1, 2, 3, 4
)
SELECT org, code || CASE WHEN owner = '' THEN '' ELSE ' of ' || owner END, currency,
       COALESCE(expected.amount, 0), COALESCE(found.amount, 0)
  FROM expected FULL JOIN found USING (org, code, owner, currency)
 WHERE COALESCE(expected.amount, 0) <> COALESCE(found.amount, 0)
 ORDER BY 1, 2, 3
"""

_UNBALANCED_ENTRIES = """
SELECT b.organization_id, 'entry ' || e.id || ' (' || e.kind || '), ' || a.fund || ' fund', l.currency,
       0, SUM(l.amount_minor)
  FROM reconciliation_line l
  JOIN reconciliation_account a ON a.id = l.account_id
  JOIN reconciliation_entry e ON e.id = l.entry_id JOIN reconciliation_book b ON b.id = e.book_id
 GROUP BY b.organization_id, e.id, e.kind, a.fund, l.currency HAVING SUM(l.amount_minor) <> 0
"""

_TRIAL_BALANCE = """
SELECT b.organization_id, 'trial balance, ' || a.fund || ' fund', a.currency, 0, SUM(l.amount_minor)
  FROM reconciliation_line l
  JOIN reconciliation_account a ON a.id = l.account_id JOIN reconciliation_book b ON b.id = a.book_id
 GROUP BY b.organization_id, a.fund, a.currency HAVING SUM(l.amount_minor) <> 0
"""

_SNAPSHOTS = """
SELECT b.organization_id, 'sealed ' || s.as_of || ', ' || a.code || ' ' || a.owner, a.currency,
       COALESCE(k.balance_minor, 0), COALESCE(x.amount, 0)
  FROM reconciliation_snapshot s
  JOIN reconciliation_book b ON b.id = s.book_id JOIN reconciliation_account a ON a.book_id = b.id
  LEFT JOIN reconciliation_snapshotbalance k ON k.snapshot_id = s.id AND k.account_id = a.id
 CROSS JOIN LATERAL (SELECT SUM(l.amount_minor) AS amount FROM reconciliation_line l
                      WHERE l.account_id = a.id AND l.posted_on <= s.as_of) x
 WHERE COALESCE(k.balance_minor, 0) <> COALESCE(x.amount, 0)
"""

# Rows that must have an entry: (source, kind, organization, currency, amount).
_CAUSES = """
    SELECT i.id, 'invoice.issued', p.operator_id, i.currency, i.total_minor
      FROM billing_invoice i JOIN policies_policy p ON p.id = i.policy_id
    UNION ALL
    SELECT t.id, 'payment.taken', p.operator_id, t.currency, t.taken_minor
      FROM payments_attempt t JOIN payments_payment y ON y.id = t.payment_id
      JOIN policies_policy p ON p.id = y.policy_id WHERE t.state = 'succeeded'
    UNION ALL
    SELECT o.id, 'payout.recorded', o.organization_id, o.currency, o.amount_minor FROM payments_payout o
     WHERE EXISTS (SELECT FROM payments_payoutline l WHERE l.payout_id = o.id GROUP BY l.payout_id
                   HAVING SUM(l.gross_minor) <> 0 OR SUM(l.fee_minor) <> 0)
"""

_WITHOUT_ENTRY = f"""
WITH cause (id, kind, org, currency, amount) AS ({_CAUSES})
SELECT org, kind || ' of ' || id || ' has no entry', currency, amount, 0 FROM cause
 WHERE NOT EXISTS (SELECT FROM reconciliation_entry e WHERE e.source_id = cause.id AND e.kind = cause.kind)
"""  # noqa: S608 - both parts are written here

_WITHOUT_SOURCE = f"""
WITH cause (id, kind, org, currency, amount) AS ({_CAUSES})
SELECT b.organization_id, 'entry ' || e.id || ' (' || e.kind || ') has no source ' || e.source_id, MAX(l.currency), 0,
       COALESCE(SUM(l.amount_minor) FILTER (WHERE l.amount_minor > 0), 0)
  FROM reconciliation_entry e JOIN reconciliation_book b ON b.id = e.book_id
  LEFT JOIN reconciliation_line l ON l.entry_id = e.id
 WHERE e.kind IN ('invoice.issued', 'payment.taken', 'payout.recorded')
   AND NOT EXISTS (SELECT FROM cause WHERE cause.id = e.source_id AND cause.kind = e.kind)
 GROUP BY b.organization_id, e.id, e.kind, e.source_id
"""  # noqa: S608 - both parts are written here

CHECKS = {
    "every entry balances per currency and fund": _UNBALANCED_ENTRIES,
    "the trial balance is zero": _TRIAL_BALANCE,
    "every account equals what caused it": _EXPECTED,
    "every cause has its entry": _WITHOUT_ENTRY,
    "every entry has its cause": _WITHOUT_SOURCE,
    "sealed balances equal what they sealed": _SNAPSHOTS,
}


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that does not tie, minor units, debit positive."""

    organization_id: str
    check: str
    what: str
    currency: str
    expected_minor: int
    found_minor: int

    def __str__(self) -> str:
        currency = self.currency or "USD"
        expected, found = Money(self.expected_minor, currency), Money(self.found_minor, currency)
        return f"{self.what}: expected {expected}, found {found}, difference {found - expected}"


def check(organization_id: str | None = None) -> list[Difference]:
    """Compare every book with what caused it, at one moment; an empty list is the proof.

    Takes: one organization, or None for all.
    """
    found: list[Difference] = []
    with _one_moment(), connection.cursor() as cursor:
        for name, query in CHECKS.items():
            cursor.execute(query)
            found += [Difference(row[0], name, row[1], row[2], int(row[3]), int(row[4])) for row in cursor.fetchall()]
    return [difference for difference in found if organization_id in (None, difference.organization_id)]


@contextmanager
def _one_moment() -> Iterator[None]:
    """Read everything from one snapshot of the database; inside a transaction already, from that one."""
    if connection.in_atomic_block:
        yield
        return
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        yield
