"""Trust money: no withdrawal leaves less than owners are owed, gross per owner; the ledger itself refuses it."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from django.db import DatabaseError
from hypothesis import given
from hypothesis import strategies as st

from billing import trust
from billing.models import TrustMovement
from billing.trust import InterestNotOurs, MoreThanOwed, NotAWithdrawal, TrustFloorBreached, Withdrawal
from compliance import approvals
from compliance.rules import decisions
from coverpay import books as proof
from coverpay.kernel.errors import ApprovalRequired, Conflict, Forbidden, IllegalTransition, Invalid, NotFound
from coverpay.kernel.money import Money
from payments import settlement
from reconciliation import bank_accounts
from reconciliation import trust as positions
from reconciliation.models import BankAccount
from reconciliation.trust import Owed, Position
from tests.support import books, world
from tests.support.books import House
from tests.support.database import undone

pytestmark = pytest.mark.django_db
COMMISSION = "commission_in_trust"


@pytest.fixture
def operating(house: House) -> BankAccount:
    return bank_accounts.open_bank_account(
        name="Operating", bank_id="121000358", account_mark="OP-1", currency="USD", fund="operating", actor=house.me
    )


def collected(house: House) -> None:
    """Half of the 10,718.00 of DOMAIN.md is paid by card, and the processor has paid it out."""
    books.paid(house, books.billed(house))
    books.pay_out(house)
    settlement.import_payouts(account_id=house.account.id, since=books.SINCE, actor=house.me)


def draw(house: House, operating: BankAccount, minor: int, **changes: Any) -> TrustMovement:
    wanted = {
        "code": COMMISSION, "amount": Money(minor), "bank_account_id": house.bank.id, "reference": f"DRAW {minor}",
        "operating_account_id": operating.id, **changes,
    }  # fmt: skip
    return trust.withdraw(wanted=Withdrawal(**wanted), reason="Commission of January.", actor=house.me)


def now(house: House) -> Position:
    return positions.position(house.book_id, "USD")


def test_of_5359_collected_the_carrier_side_is_4609_and_at_most_750_less_what_the_processor_kept_may_move(
    house: House, operating: BankAccount
) -> None:
    collected(house)
    here = now(house)
    assert (here.floor_minor, here.owed(COMMISSION, house.operator.id)) == (460_900, 75_000)
    # 5,359.00 less 2.9 % and 0.30: the processor kept 155.71 of trust money, which operating owes back.
    assert (here.cash_minor, here.due_from_operating_minor) == (520_329, 15_571)
    assert here.free_minor == 520_329 - 460_900
    with pytest.raises(TrustFloorBreached) as refused:
        draw(house, operating, 75_000)
    said = refused.value
    assert (said.extra["cash_minor"], said.extra["floor_minor"], said.extra["most_minor"]) == (520_329, 460_900, 59_429)
    assert said.extra["citation"] == "11 NYCRR 20.3(b)(4)"


def test_once_operating_pays_back_what_the_processor_kept_the_whole_750_may_move(
    house: House, operating: BankAccount
) -> None:
    collected(house)
    trust.repay(
        bank_account_id=house.bank.id, operating_account_id=operating.id, amount=Money(15_571), reference="FEES JAN",
        reason="Processor fees.", actor=house.me,
    )  # fmt: skip
    movement = draw(house, operating, 75_000)
    assert (movement.cash_minor, movement.floor_minor) == (535_900, 460_900)
    found = books.trial_balance(house)
    assert found[("trust_cash", house.bank.id)] == 460_900
    assert found[("commission_income", "")] == -75_000
    assert (COMMISSION, house.operator.id) not in found
    assert ("due_to_trust", "") not in found
    assert not proof.check(house.operator.id)


def test_money_still_at_the_processor_is_not_in_the_account_and_nothing_can_be_drawn(
    house: House, operating: BankAccount
) -> None:
    books.paid(house, books.billed(house))
    here = now(house)
    assert (here.cash_minor, here.at_processors_minor, here.free_minor) == (0, 535_900, 0)
    assert (here.deficit_minor, here.deficit_after_processors_minor) == (460_900, 0)
    with pytest.raises(TrustFloorBreached):
        draw(house, operating, 1)


def test_a_remittance_pays_a_carrier_what_was_received_for_it_and_never_more(
    house: House, operating: BankAccount
) -> None:
    collected(house)
    carrier = {"code": "premium_payable", "owner": house.carrier.id, "operating_account_id": None}
    with pytest.raises(MoreThanOwed) as refused:
        draw(house, operating, 425_001, **carrier)
    assert "4,250.00" in refused.value.message
    movement = draw(house, operating, 425_000, **carrier)
    assert movement.floor_minor == 460_900 - 425_000
    assert books.trial_balance(house).get(("premium_payable", house.carrier.id)) is None
    assert not proof.check(house.operator.id)


def test_above_the_limit_another_person_allows_exactly_this_amount_first(
    house: House, operating: BankAccount, settings: Any
) -> None:
    settings.TRUST_WITHDRAWAL_LIMIT_MINOR = 9_999
    collected(house)
    with pytest.raises(ApprovalRequired):
        draw(house, operating, 10_000)
    permit = approvals.request(
        action="trust.withdraw", object_id=house.bank.id, amount=Money(10_000), reason="January.", actor=house.me
    )
    approvals.approve(permit_id=permit.id, actor=world.actor(house.operator, "finance"))
    assert draw(house, operating, 10_000).permit_id == permit.id
    with pytest.raises(ApprovalRequired):
        draw(house, operating, 10_000, reference="TWICE")


def test_the_ledger_itself_refuses_a_withdrawal_that_breaches_the_floor_even_by_raw_posting(
    house: House, operating: BankAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    collected(house)
    monkeypatch.setattr(trust, "_checked", lambda *_: 0)
    with pytest.raises(DatabaseError, match="less USD in trust than owners are owed"), undone():
        draw(house, operating, 75_000)


def test_interest_is_kept_apart_and_drawn_only_where_a_rule_or_a_person_says_so(
    house: House, operating: BankAccount
) -> None:
    collected(house)
    trust.record_interest(bank_account_id=house.bank.id, amount=Money(1_234), reference="INT JAN", actor=house.me)
    assert now(house).owed("interest_in_trust", house.bank.id) == 1_234
    taken = {"code": "interest_in_trust", "state": "NY", "reference": "INT OUT"}
    with pytest.raises(InterestNotOurs):
        draw(house, operating, 1_234, **taken)
    decisions.decide(
        rule="interest_allowed", jurisdiction="NY", line="producer_funds", value=True, reason="Carriers consented.",
        actor=house.me,
    )  # fmt: skip
    draw(house, operating, 1_234, **taken)
    assert books.trial_balance(house)[("interest_income", "")] == -1_234
    assert not proof.check(house.operator.id)


def test_what_did_not_happen_is_undone_to_the_cent_once(house: House, operating: BankAccount) -> None:
    collected(house)
    before = books.trial_balance(house)
    movement = draw(house, operating, 50_000)
    trust.undo(movement_id=movement.id, reason="The wire came back.", actor=house.me)
    assert books.trial_balance(house) == before
    assert not proof.check(house.operator.id)
    with pytest.raises(IllegalTransition):
        trust.undo(movement_id=movement.id, reason="Again.", actor=house.me)


@pytest.mark.parametrize(
    ("changes", "error", "field"),
    [
        ({"amount": Money(0)}, Invalid, "amount_minor"),
        ({"amount": Money(5, "CAD")}, Invalid, "amount_minor"),
        ({"code": "trust_cash"}, NotAWithdrawal, "code"),
        ({"code": "premium_payable"}, NotAWithdrawal, "owner"),
        ({"operating_account_id": None}, NotFound, "operating_account"),
        ({"bank_account_id": "bnk_nobody"}, NotFound, "bank_account"),
    ],
)
def test_a_withdrawal_that_makes_no_sense_names_its_field(
    house: House, operating: BankAccount, changes: dict[str, Any], error: type[Exception], field: str
) -> None:
    collected(house)
    with pytest.raises(error) as refused:
        draw(house, operating, 1_000, **changes)
    assert refused.value.field == field  # type: ignore[attr-defined]
    assert not TrustMovement.objects.exists()


def test_a_reference_is_used_once_and_only_people_who_handle_cash_withdraw(
    house: House, operating: BankAccount
) -> None:
    collected(house)
    draw(house, operating, 1_000, reference="ONE")
    with pytest.raises(Conflict):
        draw(house, operating, 2_000, reference="ONE")
    with pytest.raises(Forbidden):
        wanted = Withdrawal(COMMISSION, Money(1), house.bank.id, "X", operating_account_id=operating.id)
        trust.withdraw(wanted=wanted, reason="x", actor=world.actor(house.operator, "billing"))


def test_what_looks_like_commingling_is_said_in_words(house: House) -> None:
    collected(house)
    (found,) = positions.warnings(now(house))
    assert (found.code, found.amount_minor) == ("due_from_operating", 15_571)
    broken = Position("b", "USD", None, (Owed("trust_cash", "a", -5),), (Owed("tax_payable", "HI", -7),), (), 0, 0)
    assert {each.owner for each in positions.warnings(broken)} == {"a", "HI", ""}


owners = st.lists(st.integers(-(10**6), 10**6), max_size=6)


@given(cash=st.integers(-(10**6), 10**7), others=owners, ours=owners)
def test_what_is_free_never_touches_what_any_owner_is_owed(cash: int, others: list[int], ours: list[int]) -> None:
    here = Position(
        "b", "USD", None, (Owed("trust_cash", "x", cash),),
        tuple(Owed("premium_payable", str(i), minor) for i, minor in enumerate(others)),
        tuple(Owed(COMMISSION, str(i), minor) for i, minor in enumerate(ours)), 0, 0,
    )  # fmt: skip
    assert 0 <= here.free_minor <= sum(max(minor, 0) for minor in ours)
    if here.free_minor:
        assert cash - here.free_minor >= sum(max(minor, 0) for minor in others)
    assert (here.deficit_minor > 0) == (cash < here.floor_minor)


def test_the_position_of_a_past_day_is_that_days(house: House) -> None:
    collected(house)
    assert positions.position(house.book_id, "USD", dt.date(2025, 1, 1)).cash_minor == 0
