"""The rows that bring money into the books, in SQL, and the comparison that every check runs in."""

from __future__ import annotations

# First the rows that bring money, each with its organization: checks read those they need. Then one pass over what is
# compared: the sums of each account and currency, and every row that differs.
COMPARE = """
WITH invoice AS (
    SELECT p.operator_id AS org, i.id, i.currency, i.total_minor, i.state
      FROM billing_invoice i JOIN policies_policy p ON p.id = i.policy_id
     WHERE %(organization)s IN ('', p.operator_id)
), receipt AS (
    SELECT p.operator_id AS org, r.id, r.kind, r.source_id, r.currency, r.amount_minor,
           EXISTS (SELECT FROM billing_receiptreversal v WHERE v.receipt_id = r.id) AS taken_back
      FROM billing_receipt r JOIN policies_policy p ON p.id = r.policy_id
     WHERE %(organization)s IN ('', p.operator_id)
), application AS (
    SELECT r.org, x.id, x.receipt_id, r.currency, l.component, l.payee_kind, l.payee,
           x.amount_minor, x.commission_minor, x.reverses_id
      FROM billing_application x
      JOIN receipt r ON r.id = x.receipt_id
      JOIN billing_invoiceline l ON l.id = x.line_id
), credit AS (
    SELECT i.org, c.id, i.currency, c.amount_minor
      FROM billing_linecredit c JOIN billing_invoiceline l ON l.id = c.line_id JOIN invoice i ON i.id = l.invoice_id
), transfer AS (
    SELECT r.org, t.id, t.from_receipt_id, t.to_receipt_id, r.currency, t.amount_minor, r.taken_back AS undone
      FROM billing_cashtransfer t JOIN receipt r ON r.id = t.to_receipt_id
), deposit AS (
    SELECT s.operator_id AS org, s.id, s.bank_account_id, s.currency, s.amount_minor, s.state
      FROM billing_suspenseitem s
     WHERE s.why = 'unidentified' AND %(organization)s IN ('', s.operator_id)
), attempt AS (
    SELECT p.operator_id AS org, t.id, y.id AS payment_id, t.account_id, t.currency, t.taken_minor,
           CASE WHEN t.taken_minor < y.amount_minor
                THEN ROUND(y.surcharge_minor::numeric * t.taken_minor / y.amount_minor)::bigint
                ELSE y.surcharge_minor END AS surcharge,
           (y.state = 'returned' AND NOT EXISTS (
               SELECT FROM payments_dispute d
                WHERE d.payment_id = y.id AND d.state = 'lost' AND d.amount_minor + (
                      SELECT COALESCE(SUM(amount_minor), 0) FROM payments_refund
                       WHERE payment_id = y.id AND state = 'succeeded') >= t.taken_minor))
           OR (y.state = 'refunded' AND EXISTS (
               SELECT FROM payments_refund r
                WHERE r.payment_id = y.id AND r.state = 'succeeded' AND r.amount_minor = t.taken_minor
                  AND NOT EXISTS (SELECT FROM billing_cashout c WHERE c.source_id = r.id))) AS undone
      FROM payments_attempt t
      JOIN payments_payment y ON y.id = t.payment_id
      JOIN policies_policy p ON p.id = y.policy_id
     WHERE t.state = 'succeeded' AND %(organization)s IN ('', p.operator_id)
), part AS (
    SELECT t.org, t.payment_id, t.currency, t.undone,
           CASE WHEN p.position = 1 THEN t.payment_id ELSE p.id END AS source_id,
           GREATEST(0, LEAST(p.amount_minor, t.taken_minor - t.surcharge - (
               SUM(p.amount_minor) OVER (PARTITION BY p.payment_id ORDER BY p.position) - p.amount_minor)))
           + CASE WHEN p.position > 1 THEN 0 ELSE GREATEST(
               0, t.taken_minor - t.surcharge - SUM(p.amount_minor) OVER (PARTITION BY p.payment_id)) END AS amount
      FROM payments_paymentpart p JOIN attempt t ON t.payment_id = p.payment_id
), drawn AS (
    SELECT source_id, SUM(amount_minor) FILTER (WHERE reverses_id IS NULL) AS cash, SUM(amount_minor) = 0 AS undone
      FROM billing_cashout WHERE source_id LIKE 'rfd%%' OR source_id LIKE 'dsp%%' GROUP BY source_id
), given AS (
    SELECT t.org, 'refund.given' AS kind, c.source_id AS id, t.account_id, t.currency, r.amount_minor AS amount,
           c.cash, c.undone
      FROM drawn c JOIN payments_refund r ON r.id = c.source_id JOIN attempt t ON t.id = r.attempt_id
     WHERE r.state = 'succeeded'
    UNION ALL
    SELECT t.org, 'dispute.withdrawn', c.source_id, t.account_id, t.currency, d.amount_minor, c.cash, c.undone
      FROM drawn c JOIN payments_dispute d ON d.id = split_part(c.source_id, '/', 1)
      JOIN attempt t ON t.id = d.attempt_id
), payout AS (
    SELECT o.organization_id AS org, o.id, o.account_id, g.bank_account_id, o.currency, o.amount_minor AS net,
           (SELECT COALESCE(SUM(gross_minor), 0) FROM payments_payoutline WHERE payout_id = o.id) AS gross,
           (SELECT COALESCE(SUM(fee_minor), 0) FROM payments_payoutline WHERE payout_id = o.id) AS fee
      FROM payments_payout o JOIN payments_gatewayaccount g ON g.id = o.account_id
     WHERE %(organization)s IN ('', o.organization_id)
), paid_out AS (
    SELECT d.organization_id AS org, d.id, d.bank_account_id, d.currency, d.amount_minor, y.state AS payee_state,
           d.state IN ('voided', 'returned') AS undone, d.state = 'escheated' AS escheated
      FROM payments_disbursement d JOIN policies_party y ON y.id = d.payee_id
     WHERE d.issued_on IS NOT NULL AND d.method <> 'original' AND %(organization)s IN ('', d.organization_id)
), movement AS (
    SELECT m.organization_id AS org, m.id, m.kind, m.code, m.owner, m.bank_account_id, m.operating_account_id,
           m.currency, m.amount_minor, m.state = 'made' AS made
      FROM billing_trustmovement m WHERE %(organization)s IN ('', m.organization_id)
), resolution AS (
    SELECT r.organization_id AS org, r.id, r.way, r.bank_account_id, a.code AS cash, a.fund, r.bears, r.currency,
           r.amount_minor
      FROM payments_breakresolution r
      JOIN reconciliation_bankaccount b ON b.id = r.bank_account_id
      JOIN reconciliation_account a ON a.id = b.ledger_account_id
     WHERE r.made_id = '' AND %(organization)s IN ('', r.organization_id)
), compared (org, account, owner, currency, expected, found) AS ({query})
SELECT org, account, '', currency, COALESCE(SUM(expected), 0)::bigint, COALESCE(SUM(found), 0)::bigint, count(*)
  FROM compared GROUP BY org, account, currency
 UNION ALL
SELECT org, account, owner, currency, expected::bigint, found::bigint, 0
  FROM compared WHERE expected IS DISTINCT FROM found
 ORDER BY 1, 2, 4, 3
"""
