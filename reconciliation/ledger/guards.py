"""What the database checks about every posting, so that no program can write books that lie."""

from __future__ import annotations

import pgtrigger

# Postings share it while they commit and a seal has it alone: whichever comes second sees the other.
_PERIOD_LOCK = "hashtextextended('ledger period of ' || NEW.book_id, 0)"

_ENTRY_STANDS = f"""
    locked := pg_advisory_xact_lock_shared({_PERIOD_LOCK});
    SELECT bool_and(fund IS NOT NULL), bool_and(total = 0),
           EXISTS (SELECT FROM reconciliation_snapshot s
                    WHERE s.book_id = NEW.book_id AND s.lifted_at IS NULL AND s.as_of >= NEW.posted_on),
           current_setting('transaction_isolation') = 'read committed'
      INTO fits, balances, sealed, sees_seals
      FROM (SELECT fund, SUM(amount_minor) AS total
              FROM (SELECT currency, amount_minor,
                           (SELECT a.fund FROM reconciliation_account a
                             WHERE a.id = l.account_id AND a.book_id = NEW.book_id AND a.currency = l.currency) AS fund
                      FROM reconciliation_line l WHERE l.entry_id = NEW.id) AS lines
             GROUP BY currency, fund) AS sums;
    IF fits AND balances AND sees_seals AND NOT sealed THEN
        RETURN NULL;
    ELSIF NOT sees_seals THEN
        RAISE EXCEPTION 'post under READ COMMITTED: an older snapshot may not show a seal' USING ERRCODE = 'CP013';
    ELSIF sealed THEN
        RAISE EXCEPTION 'the books are sealed through % or later; post into the open period', NEW.posted_on
            USING ERRCODE = 'CP012';
    ELSIF NOT fits THEN
        RAISE EXCEPTION 'ledger entry % has a line to an account of another book or currency', NEW.id
            USING ERRCODE = 'CP011';
    END IF;
    RAISE EXCEPTION 'ledger entry % does not balance', NEW.id USING ERRCODE = 'CP010';
"""

_OTHERS = (
    "'premium_payable', 'carrier_fee_payable', 'tax_payable', 'unapplied_cash', 'suspense_cash', "
    "'unclaimed_property', 'interest_in_trust'"
)
_FLOOR_STANDS = f"""
    locked := pg_advisory_xact_lock(hashtextextended('trust floor of ' || NEW.book_id, 0));
    WITH sealed AS (
        SELECT id, as_of FROM reconciliation_snapshot
         WHERE book_id = NEW.book_id AND lifted_at IS NULL ORDER BY as_of DESC LIMIT 1
    ), balance AS (
        SELECT a.code, a.currency,
               COALESCE((SELECT balance_minor FROM reconciliation_snapshotbalance
                          WHERE account_id = a.id AND snapshot_id = (SELECT id FROM sealed)), 0)
             + COALESCE((SELECT SUM(amount_minor) FROM reconciliation_line
                          WHERE account_id = a.id
                            AND posted_on > COALESCE((SELECT as_of FROM sealed), '-infinity'::date)), 0) AS amount
          FROM reconciliation_account a
         WHERE a.book_id = NEW.book_id AND a.code IN ('trust_cash', {_OTHERS})
           AND a.currency IN (SELECT currency FROM reconciliation_line WHERE entry_id = NEW.id)
    )
    SELECT currency INTO short FROM balance GROUP BY currency
    HAVING COALESCE(SUM(amount) FILTER (WHERE code = 'trust_cash'), 0)
         < COALESCE(SUM(GREATEST(-amount, 0)) FILTER (WHERE code <> 'trust_cash'), 0) LIMIT 1;
    IF short IS NOT NULL THEN
        RAISE EXCEPTION 'the withdrawal leaves less % in trust than owners are owed', short USING ERRCODE = 'CP020';
    END IF;
    RETURN NULL;
"""

_LINES_BELONG = """
    PERFORM FROM new_lines GROUP BY entry_id, posted_on
     HAVING (SELECT count(*) FROM reconciliation_line l WHERE l.entry_id = new_lines.entry_id) <> count(*)
         OR (SELECT count(*) FROM reconciliation_entry e
              WHERE e.id = new_lines.entry_id AND e.posted_on = new_lines.posted_on) <> 1;
    IF FOUND THEN
        RAISE EXCEPTION 'a ledger entry gets its lines by one statement, with its date' USING ERRCODE = 'CP011';
    END IF;
    RETURN NULL;
"""

_SEALED_ALONE = f"""
    PERFORM pg_advisory_xact_lock({_PERIOD_LOCK});
    RETURN NEW;
"""


def entry_stands() -> pgtrigger.Trigger:
    """At commit: the entry has lines, to accounts of its book; it balances per currency and fund; its day is open."""
    return pgtrigger.Trigger(
        name="entry_stands",
        when=pgtrigger.After,
        operation=pgtrigger.Insert,
        timing=pgtrigger.Deferred,
        declare=[("locked", "text"), *((name, "boolean") for name in ("fits", "balances", "sealed", "sees_seals"))],
        func=_ENTRY_STANDS,
    )


def floor_stands() -> pgtrigger.Trigger:
    """At commit of a withdrawal of trust money: what owners are owed, gross, is still there (11 NYCRR 20.3(b)(4)).

    Withdrawals of a book commit one after the other, so that no two count on the same money.
    """
    return pgtrigger.Trigger(
        name="floor_stands",
        when=pgtrigger.After,
        operation=pgtrigger.Insert,
        timing=pgtrigger.Deferred,
        condition=pgtrigger.Q(new__kind="withdrawal.made"),
        declare=[("locked", "text"), ("short", "text")],
        func=_FLOOR_STANDS,
    )


def lines_belong() -> pgtrigger.Trigger:
    """With the statement: every line has an entry of its day, and these are all the lines it ever gets.

    An entry answers for its lines once, at its commit or as early as SET CONSTRAINTS asks. It cannot pass without any,
    so that nobody can add some after it has passed.
    """
    return pgtrigger.Trigger(
        name="lines_belong",
        level=pgtrigger.Statement,
        when=pgtrigger.After,
        operation=pgtrigger.Insert,
        referencing=pgtrigger.Referencing(new="new_lines"),
        func=_LINES_BELONG,
    )


def only_lifted() -> pgtrigger.Trigger:
    """A seal is kept as written; it is only ever lifted, once."""
    return pgtrigger.Trigger(
        name="only_lifted",
        when=pgtrigger.Before,
        operation=pgtrigger.Update,
        func="""
            IF OLD.lifted_at IS NOT NULL
               OR to_jsonb(NEW) - 'lifted_at' IS DISTINCT FROM to_jsonb(OLD) - 'lifted_at' THEN
                RAISE EXCEPTION 'snapshot is kept as written: % refused', TG_OP USING ERRCODE = 'CP001';
            END IF;
            RETURN NEW;
        """,
    )


def sealed_alone() -> pgtrigger.Trigger:
    """Before a seal is written: wait for postings that are committing; those that come later wait for the seal."""
    return pgtrigger.Trigger(
        name="sealed_alone",
        when=pgtrigger.Before,
        operation=pgtrigger.Insert,
        func=_SEALED_ALONE,
    )
