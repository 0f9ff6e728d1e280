"""What the database checks about every posting, so that no program can write books that lie."""

from __future__ import annotations

import pgtrigger

_ENTRY_STANDS = """
    PERFORM 1 FROM reconciliation_book WHERE id = NEW.book_id FOR KEY SHARE;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'ledger entry % names no book', NEW.id USING ERRCODE = 'CP011';
    END IF;
    IF EXISTS (SELECT 1 FROM reconciliation_snapshot s WHERE s.book_id = NEW.book_id AND s.as_of >= NEW.posted_on) THEN
        RAISE EXCEPTION 'the books are sealed through %; post into the open period', NEW.posted_on
            USING ERRCODE = 'CP012';
    END IF;
    PERFORM 1
       FROM reconciliation_line l JOIN reconciliation_account a ON a.id = l.account_id
      WHERE l.entry_id = NEW.id
      GROUP BY l.currency, a.fund
     HAVING SUM(l.amount_minor) <> 0;
    IF FOUND OR NOT EXISTS (SELECT 1 FROM reconciliation_line WHERE entry_id = NEW.id) THEN
        RAISE EXCEPTION 'ledger entry % does not balance', NEW.id USING ERRCODE = 'CP010';
    END IF;
    RETURN NULL;
"""

_LINES_BELONG = """
    IF EXISTS (
        SELECT 1
          FROM new_lines l
          LEFT JOIN reconciliation_entry e ON e.id = l.entry_id
          LEFT JOIN reconciliation_account a ON a.id = l.account_id
         WHERE e.id IS NULL OR a.id IS NULL
            OR a.book_id <> e.book_id OR a.currency <> l.currency OR e.posted_on <> l.posted_on
            OR e.written_by <> pg_current_xact_id()::text::bigint
    ) THEN
        RAISE EXCEPTION 'a ledger line must be written with its entry, to an account of the same book, currency and date'
            USING ERRCODE = 'CP011';
    END IF;
    RETURN NULL;
"""


def entry_stands() -> pgtrigger.Trigger:
    """At commit: the entry has a book whose period is open, has lines, and balances per currency and fund.

    Holding the book's row (FOR KEY SHARE) to the end orders postings against `balances.seal`, which takes it
    exclusively: whichever comes second sees the other.
    """
    return pgtrigger.Trigger(
        name="entry_stands",
        when=pgtrigger.After,
        operation=pgtrigger.Insert,
        timing=pgtrigger.Deferred,
        func=_ENTRY_STANDS,
    )


def lines_belong() -> pgtrigger.Trigger:
    """With the statement: every line has an entry of this very transaction and an account that fits it."""
    return pgtrigger.Trigger(
        name="lines_belong",
        level=pgtrigger.Statement,
        when=pgtrigger.After,
        operation=pgtrigger.Insert,
        referencing=pgtrigger.Referencing(new="new_lines"),
        func=_LINES_BELONG,
    )
