"""Database triggers that say no: append-only tables and guarded state columns."""

from __future__ import annotations

from collections.abc import Iterable

import pgtrigger


def append_only(table: str) -> list[pgtrigger.Trigger]:
    """Refuse UPDATE, DELETE and TRUNCATE on a table, whoever asks (SQLSTATE CP001)."""
    return [
        _refusal("append_only", pgtrigger.Update | pgtrigger.Delete, table),
        _refusal("no_truncate", pgtrigger.Truncate, table),
    ]


def no_delete(table: str) -> list[pgtrigger.Trigger]:
    """Refuse DELETE and TRUNCATE on a table whose rows may still change."""
    return [
        _refusal("no_delete", pgtrigger.Delete, table),
        _refusal("no_truncate", pgtrigger.Truncate, table),
    ]


def _refusal(name: str, operation: pgtrigger.Operation, table: str) -> pgtrigger.Trigger:
    return pgtrigger.Trigger(
        name=name,
        level=pgtrigger.Statement,
        when=pgtrigger.Before,
        operation=operation,
        func=f"RAISE EXCEPTION '{table} is kept as written: % refused', TG_OP USING ERRCODE = 'CP001';",
    )


def frozen_columns(*fields: str) -> pgtrigger.Trigger:
    """Refuse a change of these columns once the row is written."""
    return pgtrigger.ReadOnly(name="frozen_columns", fields=list(fields))


def legal_jumps(field: str, pairs: Iterable[tuple[str, str]]) -> pgtrigger.Trigger:
    """Refuse a state change that is not one of the pairs, also when raw SQL asks."""
    return pgtrigger.FSM(name=f"legal_{field}", field=field, transitions=sorted(set(pairs)))


def first_state(field: str, *states: str) -> pgtrigger.Trigger:
    """Refuse a row that is born in any other state."""
    allowed = ", ".join(f"'{state}'" for state in states)
    return pgtrigger.Trigger(
        name=f"first_{field}",
        when=pgtrigger.Before,
        operation=pgtrigger.Insert,
        condition=pgtrigger.Condition(f'NEW."{field}" NOT IN ({allowed})'),
        func=f"RAISE EXCEPTION 'a new row of % cannot start as %', TG_TABLE_NAME, NEW.\"{field}\" "
        "USING ERRCODE = 'CP002';",
    )
