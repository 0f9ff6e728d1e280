"""The trust pages: whose money it is by name, what may leave, and what it would leave before it does."""

from __future__ import annotations

import pytest
from django.test import Client

from billing.models import TrustMovement
from payments import settlement
from reconciliation import bank_accounts
from reconciliation.models import BankAccount
from tests.support import books, pages, world
from tests.support.books import House

pytestmark = pytest.mark.django_db
WITHDRAW = "/trust/withdraw/"


@pytest.fixture
def operating(house: House) -> BankAccount:
    """Half of the 10,718.00 of DOMAIN.md was taken by card and paid out: 5,203.29 in trust."""
    books.paid(house, books.billed(house))
    books.pay_out(house)
    settlement.import_payouts(account_id=house.account.id, since=books.SINCE, actor=house.me)
    return bank_accounts.open_bank_account(
        name="Operating", bank_id="121000358", account_mark="OP-1", currency="USD", fund="operating", actor=house.me
    )


@pytest.fixture
def staff(house: House, operating: BankAccount) -> Client:
    return world.pages(world.member(house.operator, "finance"))


def typed(house: House, **changes: str) -> dict[str, str]:
    owed = f"premium_payable:{house.carrier.id}"
    return {
        "what": owed, "amount": "100.00", "bank_account": house.bank.id, "operating_account": "",
        "reference": "WIRE 77", "state": "", "reason": "January to the carrier.", **changes,
    }  # fmt: skip


def test_the_position_names_the_carrier_and_what_each_account_counts(house: House, staff: Client) -> None:
    shown = staff.get("/trust/").content.decode()
    assert house.carrier.name in shown
    assert "Collected premium net of commission, per carrier" in shown
    assert house.carrier.id not in shown


def test_what_may_leave_is_offered_with_whose_it_is_and_how_much(house: House, staff: Client) -> None:
    offered = dict(staff.get(WITHDRAW).context["form"].fields["what"].choices)
    # 5,359.00 of 10,718.00: half of 10,000.00 premium at 15% commission, of the 250.00 fee and of the 468.00 tax.
    assert offered[f"premium_payable:{house.carrier.id}"].endswith(f"{house.carrier.name}, 4,250.00 USD")
    assert offered["tax_payable:HI"].endswith("HI, 234.00 USD")
    assert offered[f"commission_in_trust:{house.operator.id}"].endswith("750.00 USD")


def test_a_remittance_is_previewed_and_then_booked_for_the_chosen_carrier(house: House, staff: Client) -> None:
    left = pages.previewed(staff, WITHDRAW, typed(house)).context["preview"]
    assert (left.cash_minor, left.left_minor) == (520_329, 510_329)
    pages.confirmed(staff, WITHDRAW, typed(house))
    made = TrustMovement.objects.get()
    assert (made.code, made.owner, made.amount_minor) == ("premium_payable", house.carrier.id, 10_000)


def test_more_than_is_owed_is_refused_at_the_amount_and_an_owner_nobody_offered_at_the_choice(
    house: House, staff: Client
) -> None:
    too_much = staff.post(WITHDRAW, typed(house, amount="9999.00"))
    assert too_much.status_code == 422
    assert "amount" in too_much.context["form"].errors
    invented = staff.post(WITHDRAW, typed(house, what="premium_payable:org_somebody"))
    assert "what" in invented.context["form"].errors
    assert not TrustMovement.objects.exists()
