"""Write many rows by COPY, inside the open transaction: the fastest way in, past no constraint and no trigger."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable, Sequence
from typing import Any

import psycopg
from django.db import connection, models
from psycopg import sql

from coverpay.kernel.commands import step

_SHORT = {
    "integer": "int4",
    "bigint": "int8",
    "smallint": "int2",
    "boolean": "bool",
    "timestamp with time zone": "timestamptz",
    "character varying": "text",
    "varchar": "text",
}


@step
def insert(model: type[models.Model], columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Insert rows of a model by binary COPY.

    Takes:  `columns`, names of the table's columns (`policy_id`, not `policy`), every one that has no default in the
            database; rows of values in that order; JSON as plain lists and objects.
    """
    statement, types = _statement(model, tuple(columns))
    copy(statement, types, rows)


@step
def copy(statement: sql.Composed | sql.SQL, types: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Carry out one COPY ... FROM STDIN (FORMAT BINARY) of rows whose values have these types of the database."""
    with (
        connection.wrap_database_errors,
        psycopg.Cursor(connection.connection) as cursor,
        cursor.copy(statement) as stream,
    ):
        stream.set_types(types)
        write = stream.write_row
        for row in rows:
            write(row)


@functools.cache
def _statement(model: type[models.Model], columns: tuple[str, ...]) -> tuple[sql.Composed, tuple[str, ...]]:
    fields = {field.column: field for field in model._meta.concrete_fields}
    statement = sql.SQL("COPY {table} ({columns}) FROM STDIN (FORMAT BINARY)").format(
        table=sql.Identifier(model._meta.db_table),
        columns=sql.SQL(", ").join(sql.Identifier(column) for column in columns),
    )
    return statement, tuple(_type(fields[column]) for column in columns)


def _type(field: models.Field[Any, Any]) -> str:
    """The short name of a column's type, without its length."""
    declared = re.sub(
        r"\(\d+\)", "", str(field.rel_db_type(connection) if field.is_relation else field.db_type(connection))
    )
    base, array = (declared[:-2], "[]") if declared.endswith("[]") else (declared, "")
    return _SHORT.get(base, base) + array
