"""What others say, for the seeded book: maps of columns, a movement the bank told of, a carrier's advice."""

from __future__ import annotations

from coverpay.kernel import clock
from payments import sources
from payments.sources import Stated
from reconciliation import column_maps, imports
from tests.support import bank, camt_notices
from tests.support.books import House
from tests.support.camt_notices import Told

SPEC = {"date": "Date", "amount": "Amount", "balance": "Balance"}


def told(house: House) -> None:
    """Save a map for the bank's CSV files, and take in a notification."""
    column_maps.publish(bank_account_id=house.bank.id, name="Statement", spec=SPEC, actor=house.me)
    content = camt_notices.write([Told(7_00, "SEED-TOLD", "Seeded wire")], mark=house.bank.account_mark)
    content = content.replace(bank.BANK_ID.encode(), house.bank.bank_id.encode())
    done = imports.import_statement(content=content, file_name="told.xml", actor=house.me)
    assert done.state == "imported", done.problems


def compared(house: House) -> None:
    """Save a map for the carrier's files, and take in advice that names a policy nobody knows."""
    sources.publish_map(
        kind="carrier_remittance", counterparty_id=house.carrier.id, spec={"policy": 1, "amount": 2}, actor=house.me
    )
    day = clock.today()
    stated = Stated("carrier_remittance", house.carrier.id, "SEED-RA", day, day, 100)
    content = b"Policy,Net\nSEED-NOBODY,1.00\n"
    sources.import_file(stated=stated, content=content, file_name="seed.csv", actor=house.me)
