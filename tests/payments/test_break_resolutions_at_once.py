"""A break that several people settle at the same moment is settled once, and the books hold."""

from __future__ import annotations

import pytest

from coverpay import books as proof
from coverpay.kernel.errors import Busy, DomainError, IllegalTransition
from payments import break_resolutions
from payments.models import BreakResolution
from payments.resolution_previews import NotThisWay, Wish
from reconciliation import breaks, matches
from reconciliation.ledger.models import Entry
from reconciliation.models import Break, Match
from tests.support import bank
from tests.support.books import House
from tests.support.database import at_once
from tests.support.resolving import bank_fee, stated

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_fee_posted_by_six_at_once_is_posted_once(house: House) -> None:
    found = bank_fee(house)
    said = {"break_id": found.id, "wish": Wish("bank_fee"), "reason": "Monthly fee.", "actor": house.me}
    results = at_once(*[lambda: break_resolutions.resolve(**said)] * 6)  # type: ignore[arg-type]
    assert {type(result) for result in results} <= {BreakResolution, Busy}
    made = BreakResolution.objects.get()
    assert [result for result in results if isinstance(result, BreakResolution)].count(made) >= 1
    assert (Entry.objects.filter(kind="bank_fee.charged").count(), Match.objects.count()) == (1, 1)
    assert proof.check() == []


def test_resolving_closing_and_matching_at_once_leave_one_end_and_no_line_matched_twice(house: House) -> None:
    stated(house, bank.line(50_000, "WIRE 7"))
    (found,) = Break.objects.filter(state="open")
    results = at_once(
        *[
            lambda: break_resolutions.resolve(
                break_id=found.id, wish=Wish("suspense"), reason="Nobody we know.", actor=house.me
            )
        ]
        * 3,
        *[lambda: breaks.close(break_id=found.id, reason="Booked elsewhere.", actor=house.me)] * 2,
        *[lambda: matches.run_matching(bank_account_id=house.bank.id, actor=house.me)] * 3,
    )
    refused = {type(result) for result in results if isinstance(result, Exception)}
    assert refused <= {Busy, IllegalTransition, NotThisWay}, [r for r in results if not isinstance(r, DomainError)]
    found.refresh_from_db()
    made = BreakResolution.objects.filter(about=found).count()
    assert found.state == "closed" or made == 0
    assert Match.objects.filter(undone_at=None).count() == made == Entry.objects.filter(kind="suspense.opened").count()
    assert proof.check() == []
