"""An export for the seeded book: a mapping of every account, and a batch."""

from __future__ import annotations

from coverpay.kernel import clock
from reconciliation import exports
from reconciliation.ledger.accounts import CHART
from tests.support import books
from tests.support.books import House

SPEC = {
    "accounts": {
        code: {"number": str(1000 + place), "name": line.title} for place, (code, line) in enumerate(CHART.items())
    }
}


def exported(house: House) -> None:
    """Hand the first half of the book to an accounting system; a second batch waits."""
    exports.publish_mapping(system="quickbooks", spec=SPEC, effective_from=books.SINCE, actor=house.me)
    exports.build(system="quickbooks", format="csv", from_on=books.SINCE, to_on=clock.today(), actor=house.me)
