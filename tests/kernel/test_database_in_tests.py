"""What the tests' own database support promises (tests/support/database.py)."""

from __future__ import annotations

import pytest
from django.db import DatabaseError, connection, transaction
from django.test import TestCase

from compliance.models import AuditEntry, Organization
from coverpay.kernel import commands
from coverpay.kernel.actors import Actor, system
from coverpay.kernel.commands import command
from reconciliation.ledger.accounts import open_account, open_book
from reconciliation.ledger.models import Entry, Line
from tests.support.database import undone


@command
def write_half_an_entry(*, actor: Actor) -> None:
    """What no program here does: one side only, by plain rows."""
    commands.unchanged()
    organization = Organization.objects.create(kind="mga", name="half", code="half")
    book = open_book(organization.id)
    account = open_account(book.id, "trust_cash", "USD")
    entry = Entry.objects.create(book=book, posted_on="2026-02-02", source_id="half", kind="half")
    Line.objects.create(entry=entry, account=account, posted_on="2026-02-02", amount_minor=1, currency="USD")


class WritesHalfAnEntry(TestCase):
    """A test as pytest-django's `db` fixture runs them; not collected, run below."""

    __test__ = False

    def runTest(self) -> None:  # noqa: N802
        write_half_an_entry(actor=system("test"))


@pytest.mark.django_db
def test_an_example_that_leaves_an_unbalanced_entry_fails_and_is_undone() -> None:
    with pytest.raises(DatabaseError, match="does not balance"), undone():
        write_half_an_entry(actor=system("test"))
    assert not Organization.objects.filter(code="half").exists()


@pytest.mark.django_db(transaction=True)
def test_every_test_that_leaves_an_unbalanced_entry_fails_at_its_end() -> None:
    result = WritesHalfAnEntry().defaultTestResult()
    WritesHalfAnEntry().run(result)
    assert "does not balance" in result.errors[0][1]


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("round", [1, 2])
def test_append_only_rows_are_gone_after_a_transactional_test_but_truncate_stays_refused_in_it(round: int) -> None:
    assert not AuditEntry.objects.exists()
    AuditEntry.objects.create(actor_kind="system", actor_id="x", action="x", object_id="x")
    with pytest.raises(DatabaseError, match="TRUNCATE refused"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("TRUNCATE compliance_auditentry")
    assert AuditEntry.objects.count() == 1
