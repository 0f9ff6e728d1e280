"""A book of policies written straight into the tables, and the way to write the same rows into a copy of the database.

Imported once Django is set up. Seeding goes past triggers and foreign keys, as a restore does; nothing that is
measured does.
"""

from __future__ import annotations

import datetime as dt
import os
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit, urlunsplit

import psycopg
from django.db import connection

from billing import schedules
from compliance import identity
from compliance.models import Organization
from compliance.permissions import Permission
from coverpay.kernel import actors, commands
from coverpay.kernel.actors import Actor
from coverpay.kernel.commands import command
from policies import programs
from reconciliation.ledger import accounts

SINCE = dt.date(2024, 1, 1)
PLAN = {
    "down_payment": {"percent": "8.3334"},
    "installments": {"count": 11},
    "bill_lead_days": 20,
}
TERMS = {
    "commission_rate": "0.15",
    "charges": [
        {"component": "carrier_fee", "amount": "250.00", "payee_kind": "carrier"},
        {"component": "surplus_lines_tax", "rate": "0.0468", "base": ["premium"], "payee_kind": "state"},
    ],
}


@dataclass(frozen=True, slots=True)
class House:
    """The operator of a seeded book."""

    operator: Organization
    actor: Actor
    carrier_id: str
    program_id: str
    version_id: str
    plan_id: str


def open_house(code: str) -> House:
    """Open an operator with a program of three components and a plan of twelve installments."""
    root = actors.system("bench")
    operator = identity.create_organization(kind="mga", name=code.title(), code=code, actor=root)
    carrier = identity.create_organization(kind="carrier", name=f"{code} carrier", code=f"{code}-carrier", actor=root)
    me = Actor(kind="user", id="usr_bench", organization_id=operator.id, permissions=frozenset(Permission), label="me")
    version = programs.publish(
        code="hi", name="Hawaii", carrier_id=carrier.id, states=["HI"], terms=TERMS, effective_from=SINCE, actor=me
    )
    plan = schedules.publish_plan(code="twelve", name="Twelve", spec=PLAN, effective_from=SINCE, actor=me)
    open_accounts(organization_id=operator.id, actor=me)
    return House(operator, me, carrier.id, version.program_id, version.id, plan.id)


@command
def open_accounts(*, organization_id: str, actor: Actor) -> None:
    """Open the accounts that invoices post to, so that a mirror has them too."""
    opened = accounts.open_book(organization_id)
    accounts.open_accounts(opened.id, {(code, "USD", "") for code in ("premium_receivable", "billed_uncollected")})
    commands.unchanged()


# `n` runs over the policies of a book; an id is its prefix and the number, so that ids made later sort after it.
_POLICIES = """
CREATE FUNCTION pg_temp.id(prefix text, n bigint) RETURNS text LANGUAGE sql IMMUTABLE
    AS $$ SELECT prefix || '_' || lpad(n::text, 26, '0') $$;
CREATE TEMPORARY TABLE asked AS
    SELECT n, %(first)s::date + (n %% %(days)s)::integer AS day, 100000 + (n * 7919) %% 900000 AS premium
      FROM generate_series(%(low)s::bigint, %(high)s::bigint) AS n;
INSERT INTO policies_party (id, organization_id, reference, name, email, address_line, city, state, postal_code,
                            created_at)
    SELECT pg_temp.id('pty', n), %(operator)s, 'R-' || n, 'Insured ' || n, '', '', 'Hilo', 'HI', '96720', now()
      FROM asked;
INSERT INTO policies_policy (id, operator_id, program_id, number, insured_id, state, created_at)
    SELECT pg_temp.id('pol', n), %(operator)s, %(program)s, 'S-' || n, pg_temp.id('pty', n), 'bound', now() FROM asked;
INSERT INTO policies_participant (id, policy_id, organization_id, role)
    SELECT pg_temp.id('par', 2 * n), pg_temp.id('pol', n), %(operator)s, 'operator' FROM asked
    UNION ALL SELECT pg_temp.id('par', 2 * n + 1), pg_temp.id('pol', n), %(carrier)s, 'carrier' FROM asked;
INSERT INTO policies_term (id, policy_id, number, state_code, effective_on, expires_on, program_version_id, plan_code,
                           state)
    SELECT pg_temp.id('trm', n), pg_temp.id('pol', n), 1, 'HI', day, day + interval '1 year', %(version)s, 'twelve',
           'in_force' FROM asked;
INSERT INTO policies_transaction (id, term_id, sequence, kind, effective_on, processed_at, reason, details)
    SELECT pg_temp.id('txn', n), pg_temp.id('trm', n), 1, 'new_business', day, now(), '', '{}' FROM asked;
INSERT INTO policies_segment (id, transaction_id, kind, starts_on, ends_on, full_term_minor, written_minor, currency)
    SELECT pg_temp.id('seg', n), pg_temp.id('txn', n), 'rate', day, day + interval '1 year', premium, premium, 'USD'
      FROM asked;
INSERT INTO policies_charge (id, policy_id, transaction_id, component, amount_minor, currency, payee_kind, payee,
                             commission_ppm, taxable, refundable)
    SELECT pg_temp.id('chg', 3 * n), pg_temp.id('pol', n), pg_temp.id('txn', n), 'premium', premium, 'USD', 'carrier',
           %(carrier)s, 150000, true, true FROM asked
    UNION ALL
    SELECT pg_temp.id('chg', 3 * n + 1), pg_temp.id('pol', n), pg_temp.id('txn', n), 'carrier_fee', 25000, 'USD',
           'carrier', %(carrier)s, 0, false, false FROM asked
    UNION ALL
    SELECT pg_temp.id('chg', 3 * n + 2), pg_temp.id('pol', n), pg_temp.id('txn', n), 'surplus_lines_tax',
           round(premium * 0.0468), 'USD', 'state', 'HI', 0, false, false FROM asked;
"""
# Schedules of twelve installments from the term's first day on; those due before a day are billed and the rest waits.
_SCHEDULES = """
INSERT INTO billing_schedule (id, policy_id, term_id, number, transaction_id, reason, plan_version_id, currency,
                              created_at)
    SELECT pg_temp.id('sch', n), pg_temp.id('pol', n), pg_temp.id('trm', n), 1, pg_temp.id('txn', n), '', %(plan)s,
           'USD', now() FROM asked;
CREATE TEMPORARY TABLE dated AS
    SELECT n, 12 * n + m AS number, m, premium, (day + make_interval(months => m))::date AS due_on,
           greatest(day, (day + make_interval(months => m))::date - 20) AS bill_on
      FROM asked, generate_series(0, 11) AS m;
INSERT INTO billing_invoice (id, policy_id, number, currency, total_minor, issued_on, due_on, reason, state,
                             created_at)
    SELECT pg_temp.id('inv', number), pg_temp.id('pol', n), 'S-' || n || '-' || lpad((m + 1)::text, 3, '0'), 'USD',
           premium / 12 + 1, bill_on, due_on, '', 'paid', now() FROM dated WHERE bill_on < %(billed_before)s;
INSERT INTO billing_installment (id, schedule_id, policy_id, sequence, bill_on, due_on, invoice_id)
    SELECT pg_temp.id('ins', number), pg_temp.id('sch', n), pg_temp.id('pol', n), m + 1, bill_on, due_on,
           CASE WHEN bill_on < %(billed_before)s THEN pg_temp.id('inv', number) END FROM dated;
INSERT INTO billing_installmentitem (id, installment_id, charge_id, component, amount_minor, payee_kind, payee,
                                     commission_ppm)
    SELECT pg_temp.id('iit', 3 * number + c), pg_temp.id('ins', number), pg_temp.id('chg', 3 * n + c),
           (ARRAY['premium', 'carrier_fee', 'surplus_lines_tax'])[c + 1], 1 + premium / (12 * (1 + 20 * c)),
           (ARRAY['carrier', 'carrier', 'state'])[c + 1], CASE c WHEN 2 THEN 'HI' ELSE %(carrier)s END,
           CASE c WHEN 0 THEN 150000 ELSE 0 END
      FROM dated, generate_series(0, 2) AS c;
"""
_DROP = "DROP TABLE IF EXISTS dated; DROP TABLE asked; DROP FUNCTION pg_temp.id(text, bigint);"


def seed(house: House, numbers: range, *, first_day: dt.date, days: int, billed_before: dt.date | None = None) -> None:
    """Write bound policies, their terms beginning on `days` days in turn; with `billed_before` also their schedules."""
    print(f"seeding {len(numbers):,} policies ...", file=sys.stderr, flush=True)
    values = {
        "low": numbers[0],
        "high": numbers[-1],
        "first": first_day,
        "days": days,
        "operator": house.operator.id,
        "carrier": house.carrier_id,
        "program": house.program_id,
        "version": house.version_id,
        "plan": house.plan_id,
        "billed_before": billed_before,
    }
    with connection.cursor() as cursor:
        cursor.execute("SET session_replication_role = replica")
        cursor.execute(_POLICIES, values)
        if billed_before is not None:
            cursor.execute(_SCHEDULES, values)
        cursor.execute(_DROP)
        cursor.execute("SET session_replication_role = origin")


def settle() -> None:
    """Bring statistics up to date, so that plans are those of a server that has run a while."""
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE")
        cursor.execute("CHECKPOINT")


def policy_id(number: int) -> str:
    return f"pol_{number:026d}"


TABLES = {
    "billing_schedule": "sch",
    "billing_installment": "ins",
    "billing_installmentitem": "iit",
    "billing_invoice": "inv",
    "billing_invoiceline": "inl",
    "compliance_explanation": "why",
    "compliance_auditentry": "aud",
    "compliance_eventrecord": "evt",
    "reconciliation_entry": "ent",
    "payments_payment": "pay",
    "payments_paymentpart": "prt",
    "payments_attempt": "att",
}


class Mirror:
    """A copy of the database as it was, with every constraint, index and trigger; it takes rows by plain COPY.

    `take` reads what was written since the last mark, `write` copies it in: one COPY a table, one transaction.
    """

    def __init__(self, name: str = "mirror") -> None:
        url = urlsplit(os.environ["DATABASE_URL"])
        here = url.path.lstrip("/")
        connection.close()
        with psycopg.connect(urlunsplit(url._replace(path="/postgres")), autocommit=True) as admin:
            admin.execute(f'DROP DATABASE IF EXISTS "{name}"')
            admin.execute(f'CREATE DATABASE "{name}" TEMPLATE "{here}" STRATEGY FILE_COPY')
        self._source = psycopg.connect(os.environ["DATABASE_URL"], autocommit=True)
        self._target = psycopg.connect(urlunsplit(url._replace(path=f"/{name}")), autocommit=True)
        self._lines = self._last_line()

    def take(self, mark: str) -> tuple[int, list[tuple[str, list[bytes]]]]:
        """The rows written since the id `mark` (26 characters) was made, as COPY gives them, and how many."""
        lines = self._lines
        self.pass_over()
        wanted = [(table, f"id > '{prefix}_{mark}'") for table, prefix in TABLES.items()]
        wanted.append(("reconciliation_line", f"id > {lines}"))
        count, taken = 0, []
        with self._source.cursor() as cursor:
            for table, where in wanted:
                with cursor.copy(f"COPY (SELECT * FROM {table} WHERE {where}) TO STDOUT (FORMAT BINARY)") as copy:
                    taken.append((table, [bytes(block) for block in copy]))
                count += cursor.rowcount
        return count, taken

    def pass_over(self) -> None:
        """Leave out what was written since the last mark."""
        self._lines = self._last_line()

    def write(self, taken: Sequence[tuple[str, list[bytes]]]) -> None:
        with self._target.transaction(), self._target.cursor() as cursor:
            for table, blocks in taken:
                with cursor.copy(f"COPY {table} FROM STDIN (FORMAT BINARY)") as copy:
                    for block in blocks:
                        copy.write(block)

    def scan(self, query: str, values: Sequence[object]) -> None:
        """Read what a query finds, as the limit of a run reads what is due."""
        self._target.execute(query, values).fetchall()

    def close(self) -> None:
        self._source.close()
        self._target.close()

    def _last_line(self) -> int:
        row = self._source.execute("SELECT coalesce(max(id), 0) FROM reconciliation_line").fetchone()
        assert row is not None
        return int(row[0])


def chunks(numbers: range, size: int) -> Iterator[range]:
    for start in range(0, len(numbers), size):
        yield numbers[start : start + size]
