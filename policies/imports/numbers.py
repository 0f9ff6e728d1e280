"""The numbers of a file as a whole: those that stand twice, and those that are taken; found by the database."""

from __future__ import annotations

from collections.abc import Iterable

from django.db import connection
from psycopg import sql

from coverpay.kernel import copying
from coverpay.kernel.commands import step
from coverpay.kernel.errors import DomainError
from policies.lifecycle import PolicyNumberTaken

_COPY = sql.SQL("COPY import_number (row, number) FROM STDIN (FORMAT BINARY)")
_TAKEN = """
WITH taken AS (
    SELECT row, number FROM (
        SELECT row, number, row_number() OVER (PARTITION BY number ORDER BY row) AS place FROM import_number
    ) AS placed WHERE place > 1
    UNION
    SELECT n.row, n.number FROM import_number n
      JOIN policies_policy p ON p.operator_id = %s AND p.number = n.number
)
SELECT row, number, (SELECT count(*) FROM taken) FROM taken ORDER BY row LIMIT %s
"""


@step
def open_list() -> None:
    """Begin the list of numbers; it is gone at the end of the command."""
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE IF EXISTS import_number")
        cursor.execute("CREATE TEMPORARY TABLE import_number (row integer, number text) ON COMMIT DROP")


@step
def note(numbers: Iterable[tuple[int, str]]) -> None:
    """Add rows with their policy numbers to the list."""
    copying.copy(_COPY, ("int4", "text"), numbers)


def taken(operator_id: str, *, at_most: int) -> tuple[list[tuple[int, DomainError]], int]:
    """The first rows whose number an earlier row or the operator has already, and how many there are in all."""
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE import_number")
        cursor.execute(_TAKEN, [operator_id, at_most])
        found = cursor.fetchall()
    problems: list[tuple[int, DomainError]] = [
        (row, PolicyNumberTaken(f"Policy number {number!r} is taken.", field="number")) for row, number, _ in found
    ]
    return problems, found[0][2] if found else 0
