"""Export batches: every entry goes to an accounting system once, and ledger and export tie."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from django.db import DatabaseError, connection, transaction

from coverpay.kernel import clock
from coverpay.kernel.errors import Forbidden, IllegalTransition, Invalid, NotFound
from reconciliation import exports
from reconciliation.exports import AccountsUnmapped, NothingToExport
from reconciliation.ledger.accounts import CHART
from reconciliation.ledger.models import Line
from reconciliation.models import AccountMapping, ExportBatch, ExportedEntry
from tests.support import books, world
from tests.support.books import House

pytestmark = pytest.mark.django_db
SPEC: dict[str, Any] = {
    "accounts": {
        code: {"number": str(1000 + place), "name": line.title} for place, (code, line) in enumerate(CHART.items())
    }
}


def mapped(house: House, spec: dict[str, Any] | None = None) -> AccountMapping:
    return exports.publish_mapping(system="quickbooks", spec=spec or SPEC, effective_from=books.SINCE, actor=house.me)


def batch(house: House, **changes: Any) -> ExportBatch:
    asked = {"system": "quickbooks", "format": "csv", "from_on": books.SINCE, "to_on": clock.today(), **changes}
    return exports.build(**asked, actor=house.me)


def moved(house: House) -> int:
    """What the ledger debits in all, minor units."""
    lines = Line.objects.filter(account__book_id=house.book_id, amount_minor__gt=0)
    return sum(lines.values_list("amount_minor", flat=True))


def test_a_batch_holds_every_entry_of_the_period_and_its_debits_are_the_ledgers(house: House) -> None:
    books.paid(house, books.billed(house))
    mapped(house)
    made = batch(house)
    assert made.debit_minor == moved(house)
    assert made.entry_count == made.entries.count() == 3
    assert made.line_count == Line.objects.filter(account__book_id=house.book_id).count()


def test_the_next_batch_takes_only_what_is_new_and_none_is_made_of_nothing(house: House) -> None:
    books.billed(house)
    mapped(house)
    batch(house)
    with pytest.raises(NothingToExport):
        batch(house)
    books.billed(house)
    assert batch(house).entry_count == 1


def test_a_batch_asked_for_again_is_the_very_same_and_a_withdrawn_one_frees_its_entries(house: House) -> None:
    books.billed(house)
    mapped(house)
    made = batch(house)
    assert ExportBatch.objects.get(pk=made.pk).files == made.files
    exports.withdraw(batch_id=made.id, reason="Wrong company.", actor=house.me)
    again = batch(house)
    assert again.entry_count == made.entry_count
    assert ExportedEntry.objects.filter(live=True).count() == 1


def test_what_is_acknowledged_stays_and_acknowledging_again_changes_nothing(house: House) -> None:
    books.billed(house)
    mapped(house)
    made = batch(house)
    for _ in range(2):
        done = exports.acknowledge(batch_id=made.id, external_reference="JE-77", actor=house.me)
        assert (done.state, done.external_reference) == ("acknowledged", "JE-77")
    with pytest.raises(IllegalTransition):
        exports.withdraw(batch_id=made.id, reason="Oops.", actor=house.me)
    with pytest.raises(IllegalTransition):
        exports.acknowledge(batch_id=made.id, external_reference="JE-78", actor=house.me)


def test_the_database_itself_refuses_an_entry_in_two_standing_batches(house: House) -> None:
    books.billed(house)
    mapped(house)
    held = batch(house).entries.first()
    assert held is not None
    with pytest.raises(DatabaseError, match="one_export_per_system"), transaction.atomic(), connection.cursor() as sql:
        sql.execute(
            "INSERT INTO reconciliation_exportedentry (batch_id, entry_id, system, currency, live) "
            "VALUES (%s, %s, %s, 'USD', true)",
            [held.batch_id, held.entry_id, held.system],
        )


def test_another_system_gets_the_same_entries_of_its_own(house: House) -> None:
    books.billed(house)
    mapped(house)
    exports.publish_mapping(system="xero", spec=SPEC, effective_from=books.SINCE, actor=house.me)
    assert batch(house).entry_count == batch(house, system="xero", format="xero").entry_count == 1


def test_accounts_without_a_place_stop_the_batch_and_are_named(house: House) -> None:
    books.billed(house)
    accounts = {code: said for code, said in SPEC["accounts"].items() if code != "billed_uncollected"}
    mapped(house, {"accounts": accounts})
    with pytest.raises(AccountsUnmapped) as refused:
        batch(house)
    assert refused.value.extra["accounts"] == ["billed_uncollected"]
    assert not ExportBatch.objects.exists()


def test_a_summary_nets_each_account_a_day_and_ties_with_the_detail(house: House) -> None:
    books.paid(house, books.billed(house))
    mapped(house)
    made = batch(house, summary=True)
    net: dict[str, int] = {}
    for line in Line.objects.filter(account__book_id=house.book_id).select_related("account"):
        net[line.account.code] = net.get(line.account.code, 0) + line.amount_minor
    assert made.debit_minor == sum(amount for amount in net.values() if amount > 0)


def test_the_tie_out_shows_account_by_account_what_is_exported_and_what_waits(house: House) -> None:
    books.billed(house)
    mapped(house)
    batch(house)
    assert {
        row.waiting_minor for row in exports.tie_out(house.operator.id, "quickbooks", books.SINCE, clock.today())
    } == {0}
    later = books.billed(house)
    rows = {row.code: row for row in exports.tie_out(house.operator.id, "quickbooks", books.SINCE, clock.today())}
    assert rows["premium_receivable"].waiting_minor == later.total_minor
    assert rows["premium_receivable"].exported_minor == rows["premium_receivable"].ledger_minor - later.total_minor


def test_a_mapping_is_versioned_and_the_same_again_is_the_one_that_stands(house: House) -> None:
    first = mapped(house)
    assert mapped(house) == first
    other = mapped(house, {**SPEC, "journal": "X"})
    assert (first.number, other.number) == (1, 2)
    with pytest.raises(NotFound):
        exports.mapping_in_force(house.operator.id, "quickbooks", books.SINCE - dt.timedelta(days=1))


def test_bad_questions_name_their_field_and_strangers_find_nothing(house: House) -> None:
    books.billed(house)
    mapped(house)
    for changes, field in (({"format": "pdf"}, "format"), ({"to_on": dt.date(2020, 1, 1)}, "to_on")):
        with pytest.raises(Invalid) as refused:
            batch(house, **changes)
        assert refused.value.field == field
    made = batch(house)
    with pytest.raises(Forbidden):
        exports.withdraw(batch_id=made.id, reason="x", actor=world.actor(house.operator, "viewer"))
    with pytest.raises(NotFound):
        exports.withdraw(batch_id=made.id, reason="x", actor=world.actor(world.organization("mga"), "admin"))
