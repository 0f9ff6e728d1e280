"""What the database checks about every posting, so that no program can write books that lie."""

from __future__ import annotations

import pgtrigger


_BALANCE = """
    PERFORM 1
       FROM reconciliation_line
      WHERE entry_id = NEW.id
      GROUP BY currency
     HAVING SUM(amount_minor) <> 0;
    IF FOUND OR NOT EXISTS (SELECT 1 FROM reconciliation_line WHERE entry_id = NEW.id) THEN
        RAISE EXCEPTION 'ledger entry % does not balance', NEW.id USING ERRCODE = 'CP010';
    END IF;
    RETURN NULL;
"""

_BELONGING = """
    IF EXISTS (
        SELECT 1
          FROM new_lines l
          LEFT JOIN reconciliation_entry e ON e.id = l.entry_id
          LEFT JOIN reconciliation_account a ON a.id = l.account_id
         WHERE e.id IS NULL OR a.id IS NULL
            OR a.book_id <> e.book_id OR a.currency <> l.currency OR e.posted_on <> l.posted_on
            OR e.written_by <> pg_current_xact_id()::text::bigint
    ) THEN
        RAISE EXCEPTION 'a ledger line must be written with its entry, to an account of the same book, '
            'currency and date' USING ERRCODE = 'CP011';
    END IF;
    RETURN NULL;
"""

_OPEN_PERIOD = """
    IF EXISTS (SELECT 1 FROM reconciliation_snapshot s WHERE s.book_id = NEW.book_id AND s.as_of >= NEW.posted_on) THEN
        RAISE EXCEPTION 'the books are sealed through that day; post into the open period' USING ERRCODE = 'CP012';
    END IF;
    RETURN NULL;
"""


def entry_balances() -> pgtrigger.Trigger:
    """At commit: an entry has lines, and they sum to zero in every currency (an entry lies in one book)."""
    return pgtrigger.Trigger(
        name="entry_balances",
        when=pgtrigger.After,
        operation=pgtrigger.Insert,
        timing=pgtrigger.Deferred,
        func=_BALANCE,
    )


def entry_in_open_period() -> pgtrigger.Trigger:
    """An entry's date lies after the last sealed snapshot of its book."""
    return pgtrigger.Trigger(
        name="entry_in_open_period", when=pgtrigger.After, operation=pgtrigger.Insert, func=_OPEN_PERIOD
    )


def lines_belong() -> pgtrigger.Trigger:
    """With the statement: every line has an entry of this very transaction and an account that fits it."""
    return pgtrigger.Trigger(
        name="lines_belong",
        level=pgtrigger.Statement,
        when=pgtrigger.After,
        operation=pgtrigger.Insert,
        referencing=pgtrigger.Referencing(new="new_lines"),
        func=_BELONGING,
    )
