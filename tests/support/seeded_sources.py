"""What others say, for the seeded book: a map of CSV columns, and a movement that the bank told of."""

from __future__ import annotations

from reconciliation import column_maps, imports
from tests.support import camt_notices
from tests.support.books import House
from tests.support.camt_notices import Told

SPEC = {"date": "Date", "amount": "Amount", "balance": "Balance"}


def told(house: House) -> None:
    """Save a map for the bank's CSV files, and take in a notification."""
    column_maps.publish(bank_account_id=house.bank.id, name="Statement", spec=SPEC, actor=house.me)
    content = camt_notices.write([Told(7_00, "SEED-TOLD", "Seeded wire")], mark=house.bank.account_mark)
    content = content.replace(camt_notices.BANK_ID.encode(), house.bank.bank_id.encode())
    done = imports.import_statement(content=content, file_name="told.xml", actor=house.me)
    assert done.state == "imported", done.problems
