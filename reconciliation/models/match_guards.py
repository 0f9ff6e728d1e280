"""What the database checks about every match, so that no program can match money that is not the same."""

from __future__ import annotations

import pgtrigger

# A session keeps the plan of a trigger that it made first, for batches of any size: it always goes by the indexes,
# so that neither a batch over tables thought to be empty nor a single match over big ones reads a whole table.
_BY_INDEX = """
    was := current_setting('enable_seqscan');
    PERFORM set_config('enable_seqscan', 'off', true), set_config('enable_hashjoin', 'off', true),
            set_config('enable_mergejoin', 'off', true);
"""
_AS_BEFORE = """
    is_found := FOUND;
    PERFORM set_config('enable_seqscan', was, true), set_config('enable_hashjoin', 'on', true),
            set_config('enable_mergejoin', 'on', true);
"""
_DECLARED = [("was", "text"), ("is_found", "boolean")]


def _refusing(words: str, check: str) -> str:
    """A statement-level trigger that refuses when the check finds a row."""
    return f"""{_BY_INDEX}{check}{_AS_BEFORE}
    IF is_found THEN
        RAISE EXCEPTION '{words}' USING ERRCODE = 'CP015';
    END IF;
    RETURN NULL;
"""


_TIES = _refusing(
    "a match has lines on both sides, of its own account, that come to the same amount",
    """
    PERFORM FROM new_matches m
       JOIN reconciliation_bankaccount a ON a.id = m.bank_account_id
      CROSS JOIN LATERAL (
            SELECT SUM(l.amount_minor) AS total, bool_and(s.bank_account_id = a.id AND l.currency = a.currency) AS fits
              FROM reconciliation_matchbankline x
              JOIN reconciliation_statementline l ON l.id = x.statement_line_id
              JOIN reconciliation_statement s ON s.id = l.statement_id
             WHERE x.match_id = m.id AND x.live) AS bank
      CROSS JOIN LATERAL (
            SELECT SUM(l.amount_minor) AS total,
                   bool_and(l.account_id = a.ledger_account_id AND l.currency = a.currency) AS fits
              FROM reconciliation_matchbookline x
              JOIN reconciliation_line l ON l.id = x.ledger_line_id
             WHERE x.match_id = m.id AND x.live) AS books
      WHERE m.undone_at IS NOT NULL
         OR bank.total IS DISTINCT FROM books.total
         OR (bank.fits AND books.fits) IS NOT TRUE;
""",
)

_LINES_FIRST = _refusing(
    "lines are written before their match and none joins it later",
    """
    PERFORM FROM new_lines x JOIN reconciliation_match m ON m.id = x.match_id;
""",
)

_LINES_END = """
    UPDATE reconciliation_matchbankline SET live = false WHERE match_id = NEW.id AND live;
    UPDATE reconciliation_matchbookline SET live = false WHERE match_id = NEW.id AND live;
    RETURN NULL;
"""

_ENDS_WITH_MATCH = """
    IF NEW.live OR EXISTS (SELECT FROM reconciliation_match WHERE id = NEW.match_id AND undone_at IS NULL) THEN
        RAISE EXCEPTION 'a line leaves its match only when the match is undone' USING ERRCODE = 'CP015';
    END IF;
    RETURN NEW;
"""

_NOT_IGNORED = _refusing(
    "a statement line that was set aside is not matched",
    """
    PERFORM FROM new_lines x
       JOIN reconciliation_ignoredline i ON i.statement_line_id = x.statement_line_id AND i.ended_at IS NULL;
""",
)

_NOT_MATCHED = """
    IF EXISTS (SELECT FROM reconciliation_matchbankline
                WHERE statement_line_id = NEW.statement_line_id AND live) THEN
        RAISE EXCEPTION 'a statement line that is matched is not set aside' USING ERRCODE = 'CP015';
    END IF;
    RETURN NEW;
"""


def _over_new(name: str, rows: str, func: str) -> pgtrigger.Trigger:
    """Look over all rows that a statement wrote, at once; `func` finds them under the name `rows`."""
    return pgtrigger.Trigger(
        name=name,
        level=pgtrigger.Statement,
        when=pgtrigger.After,
        operation=pgtrigger.Insert,
        referencing=pgtrigger.Referencing(new=rows),
        declare=_DECLARED,
        func=func,
    )


def match_ties() -> pgtrigger.Trigger:
    """With the statement that writes matches: the lines of each are there, of its account, and tie to the cent.

    Lines are written before their match (their foreign keys are checked at commit), so that one look over a whole
    batch is enough; `lines_first` sees to it that none joins afterwards.
    """
    return _over_new("match_ties", "new_matches", _TIES)


def lines_first() -> pgtrigger.Trigger:
    return _over_new("lines_first", "new_lines", _LINES_FIRST)


def lines_end() -> pgtrigger.Trigger:
    """An undone match lets go of its lines."""
    return pgtrigger.Trigger(
        name="lines_end",
        when=pgtrigger.After,
        operation=pgtrigger.UpdateOf("undone_at"),
        condition=pgtrigger.Condition("NEW.undone_at IS NOT NULL AND OLD.undone_at IS NULL"),
        func=_LINES_END,
    )


def undone_once() -> pgtrigger.Trigger:
    """What is undone stays as it was undone."""
    return pgtrigger.Trigger(
        name="undone_once",
        when=pgtrigger.Before,
        operation=pgtrigger.Update,
        condition=pgtrigger.Condition("OLD.undone_at IS NOT NULL"),
        func="RAISE EXCEPTION 'an undone match is kept as it is' USING ERRCODE = 'CP001';",
    )


def ends_with_match() -> pgtrigger.Trigger:
    return pgtrigger.Trigger(
        name="ends_with_match",
        when=pgtrigger.Before,
        operation=pgtrigger.UpdateOf("live"),
        func=_ENDS_WITH_MATCH,
    )


def not_ignored() -> pgtrigger.Trigger:
    return _over_new("not_ignored", "new_lines", _NOT_IGNORED)


def not_matched() -> pgtrigger.Trigger:
    return pgtrigger.Trigger(
        name="not_matched",
        when=pgtrigger.Before,
        operation=pgtrigger.Insert,
        func=_NOT_MATCHED,
    )


def ended_once() -> pgtrigger.Trigger:
    """What ended stays as it ended."""
    return pgtrigger.Trigger(
        name="ended_once",
        when=pgtrigger.Before,
        operation=pgtrigger.Update,
        condition=pgtrigger.Condition("OLD.ended_at IS NOT NULL"),
        func="RAISE EXCEPTION '% ended and is kept as it is', TG_TABLE_NAME USING ERRCODE = 'CP001';",
    )
