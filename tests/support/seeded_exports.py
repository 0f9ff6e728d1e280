"""An export for the seeded book: a mapping of every account, and a batch."""

from __future__ import annotations

import dataclasses
import datetime as dt

from compliance import approvals
from coverpay.kernel import clock
from reconciliation import closes, exports
from reconciliation.ledger.accounts import CHART
from tests.support import books
from tests.support.books import House

SPEC = {
    "accounts": {
        code: {"number": str(1000 + place), "name": line.title} for place, (code, line) in enumerate(CHART.items())
    }
}


def closed(house: House) -> None:
    """Close the year before the book began; another allows to open it again."""
    made = closes.close(
        book_id=house.book_id, to_on=dt.date(2025, 12, 31), accepted_reason="Before the first day.", actor=house.me
    )
    permit = approvals.request(action=closes.REOPEN, object_id=made.id, amount=None, reason="Seeded.", actor=house.me)
    approvals.approve(permit_id=permit.id, actor=dataclasses.replace(house.me, id="usr_other", label="another"))


def exported(house: House) -> None:
    """Hand the first half of the book to an accounting system; a second batch waits."""
    exports.publish_mapping(system="quickbooks", spec=SPEC, effective_from=books.SINCE, actor=house.me)
    exports.build(system="quickbooks", format="csv", from_on=books.SINCE, to_on=clock.today(), actor=house.me)
