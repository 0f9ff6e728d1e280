"""The checks of the books, in SQL: what is expected of each account and row beside what is found there.

Each check is one set-based query of rows to compare: organization, account (or what else is compared), owner, currency,
the expected and the found amount; NULL stands for something that is not there at all. Debit positive, minor units.
"""

from __future__ import annotations

_ENTRIES_BALANCE = """
SELECT b.organization_id, COALESCE(a.fund || ' side of entry', 'entry'), e.id, COALESCE(l.currency, ''),
       0, SUM(l.amount_minor)
  FROM reconciliation_entry e
  JOIN reconciliation_book b ON b.id = e.book_id
  LEFT JOIN reconciliation_line l ON l.entry_id = e.id
  LEFT JOIN reconciliation_account a ON a.id = l.account_id
 WHERE %(organization)s IN ('', b.organization_id)
 GROUP BY b.organization_id, a.fund, e.id, l.currency
"""

_LINES_FIT = """
SELECT COALESCE(b.organization_id, o.organization_id, ''), 'line of entry', l.entry_id, l.currency, l.amount_minor,
       CASE WHEN a.book_id = e.book_id AND a.currency = l.currency AND e.posted_on = l.posted_on THEN l.amount_minor END
  FROM reconciliation_line l
  LEFT JOIN reconciliation_entry e ON e.id = l.entry_id
  LEFT JOIN reconciliation_book b ON b.id = e.book_id
  LEFT JOIN reconciliation_account a ON a.id = l.account_id
  LEFT JOIN reconciliation_book o ON o.id = a.book_id
 WHERE %(organization)s IN ('', b.organization_id, o.organization_id)
"""

_TRIAL_BALANCE = """
SELECT b.organization_id, a.fund || ' fund', '', a.currency, 0, COALESCE(SUM(l.amount_minor), 0)
  FROM reconciliation_account a
  JOIN reconciliation_book b ON b.id = a.book_id
  LEFT JOIN reconciliation_line l ON l.account_id = a.id
 WHERE %(organization)s IN ('', b.organization_id)
 GROUP BY b.organization_id, a.fund, a.currency
"""

_ACCOUNTS = """
WITH cause (org, code, owner, currency, amount) AS (
    SELECT org, 'premium_receivable', '', currency, total_minor FROM invoice
    UNION ALL SELECT org, 'premium_receivable', '', currency, -amount_minor FROM application
    UNION ALL SELECT org, 'billed_uncollected', '', currency, -total_minor FROM invoice
    UNION ALL SELECT org, 'billed_uncollected', '', currency, amount_minor FROM application
    UNION ALL SELECT org, 'unapplied_cash', '', currency, -amount_minor FROM receipt WHERE NOT taken_back
    UNION ALL SELECT org, 'unapplied_cash', '', currency, amount_minor FROM application
    UNION ALL SELECT org, 'unapplied_cash', '', currency, amount_minor FROM transfer WHERE NOT undone
    UNION ALL SELECT org, 'premium_receivable', '', currency, -amount_minor FROM credit
    UNION ALL SELECT org, 'billed_uncollected', '', currency, amount_minor FROM credit
    UNION ALL SELECT org, 'trust_cash', bank_account_id, currency, amount_minor FROM deposit WHERE state <> 'returned'
    UNION ALL SELECT org, 'suspense_cash', '', currency, -amount_minor FROM deposit WHERE state = 'open'
    UNION ALL
    SELECT org,
           CASE WHEN payee_kind = 'state' THEN 'tax_payable' WHEN payee_kind = 'operator' THEN 'fee_in_trust'
                WHEN component = 'premium' THEN 'premium_payable' ELSE 'carrier_fee_payable' END,
           CASE WHEN payee_kind = 'operator' THEN org ELSE payee END, currency, commission_minor - amount_minor
      FROM application
    UNION ALL SELECT org, 'commission_in_trust', org, currency, -commission_minor FROM application
    UNION ALL SELECT org, 'processor_clearing', account_id, currency, taken_minor FROM attempt WHERE NOT undone
    UNION ALL SELECT org, 'fee_in_trust', org, currency, -surcharge FROM attempt WHERE NOT undone AND surcharge > 0
    UNION ALL SELECT org, 'processor_clearing', account_id, currency, -amount FROM given WHERE NOT undone
    UNION ALL SELECT org, 'unapplied_cash', '', currency, cash FROM given WHERE NOT undone
    UNION ALL SELECT org, 'fee_in_trust', org, currency, amount - cash FROM given WHERE NOT undone AND amount > cash
    UNION ALL SELECT org, 'processor_clearing', account_id, currency, -gross FROM payout
    UNION ALL SELECT org, 'trust_cash', bank_account_id, currency, net FROM payout
    UNION ALL SELECT org, 'due_from_operating', '', currency, fee FROM payout
    UNION ALL SELECT org, 'due_to_trust', '', currency, -fee FROM payout
    UNION ALL SELECT org, 'processor_fees', account_id, currency, fee FROM payout
    UNION ALL SELECT org, 'unapplied_cash', '', currency, amount_minor FROM paid_out WHERE NOT undone
    UNION ALL SELECT org, 'trust_cash', bank_account_id, currency, -amount_minor FROM paid_out
               WHERE NOT undone AND NOT escheated
    UNION ALL SELECT org, code, owner, currency,
                     CASE kind WHEN 'withdrawal' THEN amount_minor ELSE -amount_minor END FROM movement WHERE made
    UNION ALL SELECT org, 'trust_cash', bank_account_id, currency,
                     CASE kind WHEN 'withdrawal' THEN -amount_minor ELSE amount_minor END FROM movement WHERE made
    UNION ALL SELECT org, 'operating_cash', operating_account_id, currency,
                     CASE kind WHEN 'withdrawal' THEN amount_minor ELSE -amount_minor END FROM movement
               WHERE made AND operating_account_id IS NOT NULL
    UNION ALL SELECT org, 'due_to_trust', '', currency, amount_minor FROM movement WHERE made AND kind = 'repayment'
    UNION ALL SELECT org, CASE code WHEN 'commission_in_trust' THEN 'commission_income'
                                    WHEN 'fee_in_trust' THEN 'fee_income' ELSE 'interest_income' END,
                     '', currency, -amount_minor FROM movement
               WHERE made AND kind = 'withdrawal' AND operating_account_id IS NOT NULL
    UNION ALL SELECT org, cash, bank_account_id, currency, amount_minor FROM resolution
    UNION ALL SELECT org, 'due_from_operating', '', currency, -amount_minor FROM resolution WHERE fund = 'trust'
    UNION ALL SELECT org, 'due_to_trust', '', currency, amount_minor FROM resolution WHERE fund = 'trust'
    UNION ALL SELECT org, CASE way WHEN 'bank_fee' THEN 'bank_fees' WHEN 'merchant_fee' THEN 'processor_fees'
                                   ELSE 'interest_income' END, bears, currency, -amount_minor FROM resolution
    UNION ALL SELECT org, 'unclaimed_property', payee_state, currency, -amount_minor FROM paid_out WHERE escheated
), expected AS (
    SELECT org, code, owner, currency, SUM(amount) AS amount FROM cause GROUP BY org, code, owner, currency
), found AS (
    SELECT b.organization_id AS org, a.code, a.owner, a.currency, COALESCE(SUM(l.amount_minor), 0) AS amount
      FROM reconciliation_account a
      JOIN reconciliation_book b ON b.id = a.book_id
      LEFT JOIN reconciliation_line l ON l.account_id = a.id
     WHERE %(organization)s IN ('', b.organization_id)
     GROUP BY b.organization_id, a.code, a.owner, a.currency
)
SELECT org, code, owner, currency, COALESCE(expected.amount, 0), COALESCE(found.amount, 0)
  FROM expected FULL JOIN found USING (org, code, owner, currency)
"""

# A posting is told from its cause by the amount on one account, that of a transfer by what it debits there. Cash is
# applied in groups: their cause is the receipt.
_CAUSES = """
WITH expected AS (
    SELECT org, 'invoice.issued' AS kind, id, currency, total_minor AS amount FROM invoice
    UNION ALL SELECT org, 'payment.taken', id, currency, taken_minor FROM attempt
    UNION ALL SELECT org, 'payment.undone', id, currency, -taken_minor FROM attempt WHERE undone
    UNION ALL SELECT org, kind, id, currency, -amount FROM given
    UNION ALL SELECT org, 'dispute.returned', id, currency, amount FROM given WHERE undone
    UNION ALL SELECT org, 'payout.recorded', id, currency, -gross FROM payout WHERE gross <> 0 OR fee <> 0
    UNION ALL
    SELECT org, CASE WHEN reverses_id IS NULL THEN 'cash.applied' ELSE 'cash.unapplied' END, receipt_id, currency,
           SUM(amount_minor)
      FROM application GROUP BY org, reverses_id IS NULL, receipt_id, currency
    UNION ALL SELECT org, 'line.credited', id, currency, -amount_minor FROM credit
    UNION ALL SELECT org, 'disbursement.issued', id, currency, amount_minor FROM paid_out
    UNION ALL SELECT org, 'disbursement.undone', id, currency, -amount_minor FROM paid_out WHERE undone
    UNION ALL SELECT org, 'disbursement.escheated', id, currency, -amount_minor FROM paid_out WHERE escheated
    UNION ALL
    SELECT org, CASE kind WHEN 'withdrawal' THEN 'withdrawal.made' WHEN 'interest' THEN 'trust.interest'
                          ELSE 'trust.repaid' END,
           id, currency, CASE kind WHEN 'withdrawal' THEN -amount_minor ELSE amount_minor END FROM movement
    UNION ALL
    SELECT org, CASE kind WHEN 'withdrawal' THEN 'withdrawal.undone' WHEN 'interest' THEN 'trust.interest_undone'
                          ELSE 'trust.repayment_undone' END,
           id, currency, CASE kind WHEN 'withdrawal' THEN amount_minor ELSE -amount_minor END FROM movement
     WHERE NOT made
    UNION ALL
    SELECT org, CASE way WHEN 'bank_fee' THEN 'bank_fee.charged' WHEN 'merchant_fee' THEN 'merchant_fee.charged'
                         ELSE 'bank_interest.credited' END, id, currency, -amount_minor FROM resolution
    UNION ALL SELECT org, 'cash.transferred', id, currency, amount_minor FROM transfer
    UNION ALL SELECT org, 'cash.transfer_undone', id, currency, amount_minor FROM transfer WHERE undone
    UNION ALL SELECT org, 'suspense.opened', id, currency, -amount_minor FROM deposit
    UNION ALL SELECT org, 'suspense.returned', id, currency, amount_minor FROM deposit WHERE state = 'returned'
    UNION ALL SELECT org, 'suspense.placed', id, currency, amount_minor FROM receipt WHERE kind = 'suspense'
    UNION ALL
    SELECT org, 'suspense.placing_undone', id, currency, -amount_minor FROM receipt
     WHERE kind = 'suspense' AND taken_back
), found AS (
    SELECT b.organization_id AS org, e.kind, COALESCE(x.receipt_id, e.source_id) AS id, l.currency,
           COALESCE(SUM(l.amount_minor) FILTER (
               WHERE a.code = CASE WHEN e.kind IN ('invoice.issued', 'line.credited') THEN 'premium_receivable'
                                   WHEN e.kind LIKE 'withdrawal.%%' OR e.kind LIKE 'trust.%%' THEN 'trust_cash'
                                   WHEN e.kind = 'bank_fee.charged' THEN 'bank_fees'
                                   WHEN e.kind = 'merchant_fee.charged' THEN 'processor_fees'
                                   WHEN e.kind = 'bank_interest.credited' THEN 'interest_income'
                                   WHEN e.kind = 'disbursement.escheated' THEN 'unclaimed_property'
                                   WHEN e.kind LIKE 'disbursement.%%' THEN 'unapplied_cash'
                                   WHEN e.kind LIKE 'cash.%%' THEN 'unapplied_cash'
                                   WHEN e.kind LIKE 'suspense.%%' THEN 'suspense_cash'
                                   ELSE 'processor_clearing' END
                 AND (e.kind NOT LIKE 'cash.transfer%%' OR l.amount_minor > 0)), 0) AS amount
      FROM reconciliation_entry e
      JOIN reconciliation_book b ON b.id = e.book_id
      JOIN reconciliation_line l ON l.entry_id = e.id
      JOIN reconciliation_account a ON a.id = l.account_id
      LEFT JOIN billing_application x ON x.id = e.source_id
     WHERE %(organization)s IN ('', b.organization_id)
     GROUP BY b.organization_id, e.kind, COALESCE(x.receipt_id, e.source_id), l.currency
)
SELECT org, kind, id, currency, expected.amount, found.amount
  FROM expected FULL JOIN found USING (org, kind, id, currency)
"""

_RECEIPTS = """
SELECT COALESCE(r.org, p.org), 'receipt of payment', COALESCE(r.source_id, p.source_id),
       COALESCE(r.currency, p.currency), p.amount, r.amount_minor
  FROM (SELECT * FROM receipt WHERE kind = 'payment') r
  FULL JOIN (SELECT * FROM part WHERE amount > 0) p ON p.source_id = r.source_id
 UNION ALL
SELECT r.org, 'receipt taken back of payment', r.source_id, r.currency,
       CASE WHEN p.undone THEN r.amount_minor ELSE 0 END, CASE WHEN r.taken_back THEN r.amount_minor ELSE 0 END
  FROM receipt r JOIN part p ON p.source_id = r.source_id
 UNION ALL
SELECT g.org, 'surcharge of refund', g.id, g.currency, r.surcharge_minor, g.amount - g.cash
  FROM given g JOIN payments_refund r ON r.id = g.id
 UNION ALL
SELECT t.org, 'withdrawn by dispute', d.id, d.currency, CASE WHEN d.withdrawn THEN d.amount_minor ELSE 0 END,
       COALESCE((SELECT SUM(amount) FROM given WHERE split_part(id, '/', 1) = d.id AND NOT undone), 0)
  FROM payments_dispute d JOIN attempt t ON t.id = d.attempt_id
 UNION ALL
SELECT COALESCE(r.org, t.org), 'receipt of transfer', COALESCE(r.source_id, t.id), COALESCE(r.currency, t.currency),
       t.amount_minor, r.amount_minor
  FROM (SELECT * FROM receipt WHERE kind = 'transfer') r FULL JOIN transfer t ON t.to_receipt_id = r.id
 UNION ALL
SELECT r.org, 'receipt of suspense item', r.source_id, r.currency, d.amount_minor, r.amount_minor
  FROM receipt r LEFT JOIN deposit d ON d.id = split_part(r.source_id, '/', 1)
 WHERE r.kind = 'suspense'
 UNION ALL
SELECT d.org, 'placed suspense item', d.id, d.currency, CASE WHEN d.state = 'placed' THEN d.amount_minor ELSE 0 END,
       COALESCE(SUM(r.amount_minor) FILTER (WHERE NOT r.taken_back), 0)
  FROM deposit d LEFT JOIN receipt r ON r.kind = 'suspense' AND split_part(r.source_id, '/', 1) = d.id
 GROUP BY d.org, d.id, d.currency, d.state, d.amount_minor
 UNION ALL
SELECT p.org, 'cash out of disbursement', p.id, p.currency, CASE WHEN p.undone THEN 0 ELSE p.amount_minor END,
       COALESCE((SELECT SUM(amount_minor) FROM billing_cashout WHERE source_id = p.id), 0)
  FROM paid_out p
"""

# What is charged, and of it what invoices ask for, net of credits, and what installments have still to bill. An offered
# term is owed once it is scheduled, a term that was not taken never. Fees of the plan are charged by nothing.
_TERMS = """
WITH part (term_id, component, payee_kind, payee, ppm, currency, charged, billed) AS (
    SELECT x.term_id, c.component, c.payee_kind, c.payee, c.commission_ppm, c.currency, c.amount_minor, 0
      FROM policies_charge c
      JOIN policies_transaction x ON x.id = c.transaction_id
      JOIN policies_term t ON t.id = x.term_id
     WHERE t.state <> 'not_taken'
       AND (t.state <> 'offered' OR EXISTS (SELECT FROM billing_schedule s WHERE s.term_id = t.id))
    UNION ALL
    SELECT l.term_id, l.component, l.payee_kind, l.payee, l.commission_ppm, i.currency, 0,
           l.amount_minor - COALESCE((
               SELECT SUM(c.amount_minor) FROM billing_linecredit c WHERE c.line_id = l.id AND c.kind <> 'written_off'
           ), 0)
      FROM billing_invoiceline l JOIN billing_invoice i ON i.id = l.invoice_id
    UNION ALL
    SELECT s.term_id, t.component, t.payee_kind, t.payee, t.commission_ppm, s.currency, 0, t.amount_minor
      FROM billing_installmentitem t
      JOIN billing_installment i ON i.id = t.installment_id
      JOIN billing_schedule s ON s.id = i.schedule_id
     WHERE i.invoice_id IS NULL AND i.replaced_by_id IS NULL
)
SELECT p.operator_id, part.component, part.term_id, part.currency, SUM(charged), SUM(billed)
  FROM part JOIN policies_term t ON t.id = part.term_id JOIN policies_policy p ON p.id = t.policy_id
 WHERE %(organization)s IN ('', p.operator_id)
   AND component NOT IN ('installment_fee', 'late_fee', 'nsf_fee', 'reinstatement_fee')
 GROUP BY p.operator_id, part.term_id, part.component, part.payee_kind, part.payee, part.ppm, part.currency
"""

_COVERED = """
WITH line AS (
    SELECT i.org, i.id AS invoice_id, i.state, i.currency, l.id, l.amount_minor
           - COALESCE((SELECT SUM(amount_minor) FROM billing_linecredit WHERE line_id = l.id), 0)
           - COALESCE((SELECT SUM(amount_minor) FROM billing_application WHERE line_id = l.id), 0) AS still_open
      FROM billing_invoiceline l JOIN invoice i ON i.id = l.invoice_id
)
SELECT org, 'line beyond what it asks for', id, currency, 0, LEAST(still_open, 0) FROM line
 UNION ALL
SELECT org, 'open of invoice ' || state, invoice_id, currency,
       CASE WHEN state = 'open' THEN GREATEST(SUM(still_open), 1) ELSE 0 END, SUM(still_open)
  FROM line GROUP BY org, invoice_id, state, currency
 UNION ALL
SELECT r.org, 'receipt beyond what it brought', r.id, r.currency, 0, LEAST(0,
       CASE WHEN r.taken_back THEN 0 ELSE r.amount_minor END
       - COALESCE((SELECT SUM(amount_minor) FROM billing_application WHERE receipt_id = r.id), 0)
       - COALESCE((SELECT SUM(amount_minor) FROM transfer WHERE from_receipt_id = r.id AND NOT undone), 0))
  FROM receipt r
 UNION ALL
SELECT org, 'receipt overdrawn', id, currency, CASE WHEN known THEN LEAST(0, rest) ELSE 0 END, LEAST(0, rest)
  FROM (SELECT r.org, r.id, r.currency, CASE WHEN r.taken_back THEN 0 ELSE r.amount_minor END - c.amount
               - COALESCE((SELECT SUM(amount_minor) FROM billing_application WHERE receipt_id = r.id), 0)
               - COALESCE((SELECT SUM(amount_minor) FROM transfer WHERE from_receipt_id = r.id AND NOT undone), 0)
               AS rest,
               EXISTS (SELECT FROM reconciliation_break b
                        WHERE b.inputs ->> 'says' = 'overdrawn' AND b.subject_id IN (
                              SELECT t.id FROM attempt t JOIN part p USING (payment_id) WHERE p.source_id = r.source_id
                        )) AS known
          FROM receipt r
          JOIN (SELECT receipt_id, SUM(amount_minor) AS amount FROM billing_cashout GROUP BY receipt_id) c
            ON c.receipt_id = r.id) overdrawn
"""

_REVERSALS = """
SELECT b.organization_id, a.code, e.id, l.currency, 0, SUM(l.amount_minor)
  FROM reconciliation_entry e
  JOIN reconciliation_book b ON b.id = e.book_id
  JOIN reconciliation_line l ON l.entry_id IN (e.id, e.reverses_id)
  JOIN reconciliation_account a ON a.id = l.account_id
 WHERE e.reverses_id IS NOT NULL AND %(organization)s IN ('', b.organization_id)
 GROUP BY b.organization_id, e.id, l.account_id, a.code, l.currency
"""

_BETWEEN_FUNDS = """
SELECT b.organization_id, 'due_from_operating', '', a.currency,
       COALESCE(-SUM(l.amount_minor) FILTER (WHERE a.code = 'due_to_trust'), 0),
       COALESCE(SUM(l.amount_minor) FILTER (WHERE a.code = 'due_from_operating'), 0)
  FROM reconciliation_account a
  JOIN reconciliation_book b ON b.id = a.book_id
  LEFT JOIN reconciliation_line l ON l.account_id = a.id
 WHERE a.code IN ('due_to_trust', 'due_from_operating') AND %(organization)s IN ('', b.organization_id)
 GROUP BY b.organization_id, a.currency
"""

# Days with lines and days that were sealed in one stream: at a sealed day the running sum is what should be sealed.
_SEALED = """
WITH day AS (
    SELECT account_id, posted_on AS on_day, SUM(amount_minor) AS amount, NULL AS snapshot_id
      FROM reconciliation_line GROUP BY account_id, posted_on
    UNION ALL
    SELECT a.id, s.as_of, 0, s.id
      FROM reconciliation_snapshot s JOIN reconciliation_account a ON a.book_id = s.book_id
     WHERE s.lifted_at IS NULL
), running AS (
    SELECT account_id, on_day, snapshot_id, SUM(amount) OVER (PARTITION BY account_id ORDER BY on_day) AS amount
      FROM day
)
SELECT b.organization_id, a.code, concat_ws(' ', NULLIF(a.owner, ''), 'sealed', on_day), a.currency, running.amount,
       COALESCE(k.balance_minor, 0)
  FROM running
  JOIN reconciliation_account a ON a.id = running.account_id
  JOIN reconciliation_book b ON b.id = a.book_id
  LEFT JOIN reconciliation_snapshotbalance k
         ON k.snapshot_id = running.snapshot_id AND k.account_id = running.account_id
 WHERE running.snapshot_id IS NOT NULL AND %(organization)s IN ('', b.organization_id)
"""

ACCOUNTS = "every account equals what caused it"
RECEIPTS = "every receipt is a payment that was taken, a transfer or a placed deposit"
TERMS = "what terms charge equals what is billed, credited and still to bill"
CHECKS = {
    "every entry balances in each currency and fund": _ENTRIES_BALANCE,
    "every line fits its entry and its account": _LINES_FIT,
    "the trial balance is zero in each currency and fund": _TRIAL_BALANCE,
    ACCOUNTS: _ACCOUNTS,
    "every cause has its entry, every entry its cause": _CAUSES,
    RECEIPTS: _RECEIPTS,
    TERMS: _TERMS,
    "nothing is covered beyond what it asks for, and invoices are open while something is": _COVERED,
    "every reversal is the exact opposite": _REVERSALS,
    "trust claims from operating what operating owes it": _BETWEEN_FUNDS,
    "sealed balances equal what they sealed": _SEALED,
}
