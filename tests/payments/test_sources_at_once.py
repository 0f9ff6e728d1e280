"""Several people at once: statements, notifications and mapped files are taken in once, and breaks open once."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable

import pytest

from coverpay.kernel.errors import Busy
from payments import sources
from payments.models import SourceStatement
from payments.source_files import SourceRow
from payments.sources import Stated
from reconciliation import column_maps
from reconciliation.imports import import_csv, import_statement
from reconciliation.models import Announcement, Break, Statement
from reconciliation.statements.csv_file import Given
from tests.reconciliation.test_column_maps import FILE, SPEC
from tests.support import bai2_writer, bank, books, camt_notices, world
from tests.support.camt_notices import Told
from tests.support.database import at_once

pytestmark = pytest.mark.django_db(transaction=True)
SIX = 6


def test_advice_taken_in_and_compared_by_six_at_once_opens_each_break_once() -> None:
    house = books.open_house()
    books.bound(house)
    stated = Stated("carrier_remittance", house.carrier.id, "RA-1", books.SINCE, dt.date(2027, 1, 1), 300)
    rows = [SourceRow(1, "NOBODY-1", 100), SourceRow(2, "NOBODY-2", 200)]
    found = at_once(*[lambda: sources.record(stated=stated, rows=rows, actor=house.me).id] * SIX)
    assert len(set(found)) == SourceStatement.objects.count() == 1

    states = at_once(*[lambda: sources.compare_again(statement_id=found[0], actor=house.me).state] * SIX)
    assert {each for each in states if not isinstance(each, Busy)} <= {"different"}
    assert sorted(Break.objects.values_list("difference_minor", flat=True)) == [100, 200]


def test_a_notification_and_its_statement_sent_at_once_settle_each_announcement_once() -> None:
    mga = world.organization()
    bank.account(mga)
    sender = bank.acting(mga)
    told = camt_notices.write([Told(100, "BK1"), Told(200, "BK2")])
    stated = bank.statement(*(bai2_writer.Detail("165", amount, ("0",), name) for amount, name in
                              ((100, "BK1"), (200, "BK2"))))  # fmt: skip

    def send(content: bytes) -> Callable[[], str]:
        return lambda: import_statement(content=content, file_name="file", actor=sender).id

    assert all(isinstance(id, str) for id in at_once(*[send(told), send(stated)] * 3))
    assert set(Announcement.objects.values_list("state", flat=True)) == {"settled"}
    assert Announcement.objects.count() == 2


def test_a_csv_sent_by_six_at_once_is_imported_once() -> None:
    mga = world.organization()
    account, sender = bank.account(mga), bank.acting(mga)
    columns = column_maps.publish(bank_account_id=account.id, name="Daily", spec=SPEC, actor=sender)
    seen = Given(100_000, 560_900)
    found = at_once(
        *[lambda: import_csv(content=FILE, file_name="f", column_map_id=columns.id, given=seen, actor=sender).id] * SIX
    )
    assert len(set(found)) == Statement.objects.count() == 1
