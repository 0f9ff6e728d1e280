"""Money that goes out, for the seeded book: a check written, one that waits, and a payee a person must look at."""

from __future__ import annotations

from billing.models import ReturnPremium
from compliance import screening
from coverpay.kernel import actors, clock
from payments import checks, disbursements, disbursing
from payments.disbursements import Wish
from payments.models import Disbursement
from policies.models import Party
from tests.support.books import House

LIST = '7157,"ALOHA FOODS","entity","TEST",-0- ,-0- ,-0- ,-0- ,-0- ,-0- ,-0- ,-0- \n'


def disbursed(house: House) -> None:
    """Pay out return premium by check: one check is written, one disbursement is held by its screening."""
    screening.import_list(source="SDN", published_on=clock.today(), primary=LIST, actor=actors.system("seed"))
    owed = ReturnPremium.objects.filter(policy__operator=house.operator, refundable_minor__gt=200).earliest("id")
    Party.objects.filter(pk=owed.policy.insured_id).update(
        address_line="1 Orchid Way", city="Hilo", state="HI", postal_code="96720"
    )
    written, _ = (_ask(house, owed.policy_id, minor) for minor in (100, 101))
    found = screening.clear(screening_id=written.screening_id, reason="Another company.", actor=house.me)
    disbursements.release(disbursement_id=written.id, reason=found.decided_reason, actor=house.me)
    _on(written)
    checks.issue_run(bank_account_id=house.bank.id, actor=house.me)


def waiting(house: House) -> Disbursement:
    """A check to the same payee that is approved and not written."""
    earlier = Disbursement.objects.filter(policy__operator=house.operator).earliest("id")
    made = _ask(house, earlier.policy_id, 102)
    if made.state == Disbursement.State.HELD:
        found = screening.clear(screening_id=made.screening_id, reason="Another company.", actor=house.me)
        disbursements.release(disbursement_id=made.id, reason=found.decided_reason, actor=house.me)
    return _on(made)


def _ask(house: House, policy_id: str, minor: int) -> Disbursement:
    wish = Wish(method="check", amount_minor=minor, bank_account_id=house.bank.id)
    return _on(disbursements.request(policy_id=policy_id, wish=wish, reason="Seeded.", actor=house.me))


def _on(made: Disbursement) -> Disbursement:
    for _ in range(3):
        disbursing.advance(made.id)
    made.refresh_from_db()
    return made
