"""The verbs with billing listening: after each, charges tie to segments and the books stand."""

from __future__ import annotations

import contextlib
import datetime as dt
import random
from collections.abc import Callable

import pytest

from billing.queries import premium_paid
from coverpay.kernel.errors import DomainError
from coverpay.kernel.money import Money
from policies import cancellations, programs, reversals, rewrites
from policies.cancellations import CancellationRequest
from policies.events import PremiumPaid
from policies.models import Cancellation, Policy, Transaction
from policies.rewrites import RewriteRequest
from tests.policies.test_life import DAY_100, FIRST, LAST, at, bound, charged, ended, endorsed, resumed, written
from tests.support import books, ties
from tests.support.books import House

pytestmark = pytest.mark.django_db


def paid(house: House, plan: str = "full") -> Policy:
    """12,000.00 for 2026 in California with a fee of 250.00; the first invoice is paid."""
    invoice = books.billed(
        house, effective_on=FIRST, expires_on=LAST, premium=Money(1_200_000), state="CA", plan=plan
    )  # fmt: skip
    books.paid(house, invoice)
    return Policy.objects.get(pk=invoice.policy_id)


def stands(house: House, *policies: Policy) -> None:
    """Premium charged is premium written, and the books tie."""
    for policy in policies:
        assert charged(policy)["premium"] == written(policy)
    assert ties.differences(house) == []


def test_premium_paid_is_what_cash_covers_of_premium(house: House) -> None:
    """Halves of 12,250.00: 6,000.00 of the first is premium."""
    policy = paid(house, "halves")
    assert premium_paid(PremiumPaid(term_id=policy.terms.get().id)) == 600_000


def test_paid_cover_that_is_cancelled_and_reinstated_stands_after_each_step(house: House) -> None:
    policy = paid(house)
    ended(house, policy)
    stands(house, policy)
    resumed(house, policy, DAY_100)
    stands(house, policy)
    ended(house, policy, dt.date(2026, 7, 1), method="short_rate_90")
    stands(house, policy)


def test_an_endorsement_and_its_undoing_stand(house: House) -> None:
    policy = paid(house, "halves")
    wrong = endorsed(house, policy, DAY_100, change_minor=-365_000)
    stands(house, policy)
    reversals.undo(policy_id=policy.id, transaction_id=wrong.id, reason="slip", actor=house.me)
    stands(house, policy)
    endorsed(house, policy, DAY_100, reason="a new address")
    stands(house, policy)


def test_a_rewrite_carries_what_was_paid_in_excess(house: House) -> None:
    """Everything paid; on day 100 8,712.33 of premium goes over to the new policy."""
    policy = paid(house)
    request = RewriteRequest(DAY_100, "remainder", "R-1", 900_000, "another form")
    with at(DAY_100):
        new = rewrites.rewrite(policy_id=policy.id, request=request, actor=house.me)
    stands(house, policy, new)
    assert sum(new.receipts.values_list("amount_minor", flat=True)) == 871_233


def test_the_short_rate_trap_on_premium_really_paid(house: House) -> None:
    """Halves of 12,000 with 6,000.00 paid, day 100: a tenth of 6,000 − 3,287.67 is 271.23."""
    terms = {"commission_rate": "0.15", "cancellation": {"short_rate_on": "paid"}}
    programs.publish(
        code="own", name="Own", carrier_id=house.carrier.id, states=["CA"], terms=terms,
        effective_from=books.SINCE, actor=house.me,
    )  # fmt: skip
    invoice = books.billed(
        house, program="own", effective_on=FIRST, expires_on=LAST, premium=Money(1_200_000), state="CA"
    )  # fmt: skip
    books.paid(house, invoice)
    policy = invoice.policy
    ended(house, policy, method="short_rate_90")
    assert charged(policy)["premium"] == 328_767 + 27_123
    stands(house, policy)


@pytest.mark.parametrize("seed", range(6))
def test_any_order_of_verbs_leaves_charges_tied_to_segments(house: House, seed: int) -> None:
    chance = random.Random(seed)
    policy = paid(house, "halves") if seed % 2 else bound(house, state="HI", plan="thirds")
    with at(dt.date(2026, 9, 1)):
        for _ in range(8):
            day = FIRST + dt.timedelta(days=chance.randrange(240))
            verb = chance.choice(_verbs(house, policy, day, chance))
            with contextlib.suppress(DomainError):
                verb()
            policy.refresh_from_db()
            stands(house, policy)


def _verbs(house: House, policy: Policy, day: dt.date, chance: random.Random) -> list[Callable[[], object]]:
    def undo() -> object:
        last = Transaction.objects.filter(term__policy=policy).order_by("-sequence")[0]
        return reversals.undo(policy_id=policy.id, transaction_id=last.id, reason="slip", actor=house.me)

    def resume() -> object:
        last = Cancellation.objects.filter(term__policy=policy, state="effective").first()
        return resumed(house, policy, max(day, last.effective_on) if last else day)

    def cancel() -> object:
        request = CancellationRequest(day, chance.choice(["pro_rata", "short_rate_90"]))
        return cancellations.cancel(policy_id=policy.id, request=request, actor=house.me)

    return [
        lambda: endorsed(house, policy, day, change_minor=chance.randrange(-400_000, 400_000)),
        lambda: endorsed(house, policy, day, change_minor=chance.randrange(1, 400_000), later="until_next"),
        cancel,
        resume,
        undo,
    ]
