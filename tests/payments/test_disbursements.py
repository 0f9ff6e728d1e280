"""Disbursements: unapplied cash goes out once, screened, allowed by another above a limit, and the books tie."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from billing import cash, invoices
from billing.models import CashOut
from compliance import approvals, screening
from compliance.models import Permit, Screening
from coverpay import books as proof
from coverpay.kernel import actors, clock
from coverpay.kernel.errors import Conflict, Forbidden, IllegalTransition, Invalid, NotFound
from coverpay.kernel.money import Money
from payments import attempts, checks, disbursements, disbursing, positive_pay, refunds
from payments.ach import settling
from payments.disbursements import NotEnoughUnapplied, ScreeningOpen, WayNotUsable, Wish
from payments.models import AchEntry, CheckRun, Disbursement, Payment, Refund
from payments.positive_pay import IssuedCheck
from policies.models import Party, Policy
from tests.support import ach, ach_bank, books, paying, world
from tests.support.books import House

pytestmark = pytest.mark.django_db
S = Disbursement.State
PRIMARY = '7157,"SMITH, John","individual","SDNTK",-0- ,-0- ,-0- ,-0- ,-0- ,-0- ,-0- ,-0- \n'


@pytest.fixture(autouse=True)
def lists() -> None:
    screening.import_list(source="SDN", published_on=dt.date(2026, 1, 5), primary=PRIMARY, actor=actors.system("test"))


def overpaid(house: House, minor: int = 50_000) -> Policy:
    """A policy whose invoice is paid, with more unapplied; its insured has an address."""
    invoice = books.billed(house)
    attempt = books.collecting(house, invoice, "tok_wrong_amount")
    attempts.submit(attempt.id)
    attempts.resolve(
        attempt_id=attempt.id, taken=True, reason="Seen.", amount_minor=attempt.amount_minor + minor, actor=house.me
    )
    policy = Policy.objects.get(pk=invoice.policy_id)
    Party.objects.filter(pk=policy.insured_id).update(
        address_line="1 Orchid Way", city="Hilo", state="HI", postal_code="96720"
    )
    return Policy.objects.get(pk=policy.pk)


def check(house: House, **changes: Any) -> Wish:
    return Wish(**{"method": "check", "bank_account_id": house.bank.id, **changes})


def asked(house: House, policy: Policy, wish: Wish | None = None, *, actor: Any = None) -> Disbursement:
    return disbursements.request(
        policy_id=policy.id, wish=wish or check(house), reason="Overpaid.", actor=actor or house.me
    )


def moved_on(made: Disbursement, times: int = 3) -> Disbursement:
    for _ in range(times):
        disbursing.advance(made.id)
    made.refresh_from_db()
    return made


def in_bank(house: House) -> int:
    """What the books have at the trust bank account, minor units."""
    return books.trial_balance(house).get(("trust_cash", house.bank.id), 0)


def free(policy: Policy) -> int:
    return cash.waiting_minor(policy)


def test_a_small_disbursement_is_screened_approved_written_and_counted_as_paid(house: House) -> None:
    policy = overpaid(house)
    made = moved_on(asked(house, policy))
    assert (made.state, made.amount_minor, made.address) == (S.APPROVED, 50_000, "1 Orchid Way, Hilo, HI 96720")
    run = checks.issue_run(bank_account_id=house.bank.id, actor=house.me)
    made.refresh_from_db()
    assert (made.state, made.check_number, made.issued_on) == (S.ISSUED, 1001, clock.today())
    assert (run.first_number, run.last_number, run.count, run.total_minor) == (1001, 1001, 1, 50_000)
    assert free(policy) == 0
    assert in_bank(house) == -50_000
    assert not proof.check(house.operator.id)


def test_what_is_free_is_known_and_never_promised_twice(house: House) -> None:
    policy = overpaid(house)
    asked(house, policy, check(house, amount_minor=30_000))
    assert disbursements.free_minor(policy) == 20_000
    with pytest.raises(NotEnoughUnapplied) as refused:
        asked(house, policy, check(house, amount_minor=20_001))
    assert (refused.value.field, refused.value.extra["free_minor"]) == ("amount_minor", 20_000)
    assert asked(house, policy).amount_minor == 20_000
    with pytest.raises(NotEnoughUnapplied):
        asked(house, policy)


@pytest.mark.parametrize(
    ("changes", "error", "field"),
    [
        ({"amount_minor": 0}, Invalid, "amount_minor"),
        ({"amount_minor": -5}, Invalid, "amount_minor"),
        ({"method": "pigeon"}, Invalid, "method"),
        ({"kind": "gift"}, Invalid, "kind"),
        ({"bank_account_id": None}, WayNotUsable, "bank_account"),
        ({"method": "ach"}, WayNotUsable, "payment_method"),
        ({"payee_id": "pty_nobody"}, NotFound, "payee"),
        ({"return_premium_id": "rpm_none"}, NotFound, "return_premium"),
    ],
)
def test_a_wish_that_cannot_be_met_names_what_is_wrong_and_changes_nothing(
    house: House, changes: dict[str, Any], error: type[Exception], field: str
) -> None:
    policy = overpaid(house)
    with pytest.raises(error) as refused:
        asked(house, policy, check(house, **changes))
    assert refused.value.field == field  # type: ignore[attr-defined]
    assert not Disbursement.objects.exists()


def test_a_check_needs_an_address_and_a_trust_account_of_the_same_currency(house: House) -> None:
    policy = overpaid(house)
    Party.objects.filter(pk=policy.insured_id).update(city="")
    with pytest.raises(WayNotUsable) as refused:
        asked(house, policy)
    assert refused.value.field == "payee"


def test_above_the_limit_another_person_approves_exactly_this_before_it_goes_on(house: House, settings: Any) -> None:
    settings.DISBURSEMENT_LIMIT_MINOR = 49_999
    policy = overpaid(house)
    made = moved_on(asked(house, policy))
    permit = Permit.objects.get(pk=made.permit_id)
    assert (made.state, permit.state, permit.amount_minor) == (S.REQUESTED, "requested", 50_000)
    with pytest.raises(Conflict):
        approvals.approve(permit_id=permit.id, actor=house.me)
    approvals.approve(permit_id=permit.id, actor=world.actor(house.operator, "finance"))
    assert moved_on(made).state == S.APPROVED
    permit.refresh_from_db()
    assert permit.state == "used"


def test_what_another_person_refuses_is_cancelled_and_the_cash_is_free_again(house: House, settings: Any) -> None:
    settings.DISBURSEMENT_LIMIT_MINOR = 0
    policy = overpaid(house)
    made = moved_on(asked(house, policy))
    approvals.refuse(permit_id=made.permit_id, reason="Wrong payee.", actor=world.actor(house.operator, "finance"))
    made = moved_on(made)
    assert (made.state, made.outcome_message) == (S.CANCELLED, "Wrong payee.")
    assert disbursements.free_minor(policy) == 50_000


def test_a_payee_like_a_blocked_person_is_held_until_a_person_says_it_is_someone_else(house: House) -> None:
    policy = overpaid(house)
    Party.objects.filter(pk=policy.insured_id).update(name="John Smith")
    made = moved_on(asked(house, policy))
    found = Screening.objects.get(pk=made.screening_id)
    assert (made.state, found.state) == (S.HELD, "possible")
    with pytest.raises(ScreeningOpen):
        disbursements.release(disbursement_id=made.id, reason="Go.", actor=house.me)
    screening.clear(screening_id=found.id, reason="Born later.", actor=house.me)
    disbursements.release(disbursement_id=made.id, reason="Cleared.", actor=house.me)
    assert moved_on(made).state == S.APPROVED


def test_a_blocked_payee_stays_held_and_can_only_be_cancelled(house: House) -> None:
    policy = overpaid(house)
    Party.objects.filter(pk=policy.insured_id).update(name="Smith, John")
    made = moved_on(asked(house, policy))
    screening.block(screening_id=made.screening_id, reason="It is he.", actor=house.me)
    with pytest.raises(ScreeningOpen):
        disbursements.release(disbursement_id=made.id, reason="Go.", actor=house.me)
    assert moved_on(made).state == S.HELD
    made = disbursements.cancel(disbursement_id=made.id, reason="Reported to OFAC.", actor=house.me)
    assert made.state == S.CANCELLED


def test_checks_are_numbered_in_a_row_and_a_number_is_never_used_twice(house: House) -> None:
    first, second = (moved_on(asked(house, overpaid(house, minor))) for minor in (10_000, 20_000))
    checks.issue_run(bank_account_id=house.bank.id, first_number=5000, actor=house.me)
    numbers = Disbursement.objects.order_by("id").values_list("check_number", flat=True)
    assert list(numbers) == [5000, 5001]
    third = moved_on(asked(house, overpaid(house, 30_000)))
    with pytest.raises(Invalid) as refused:
        checks.issue_run(bank_account_id=house.bank.id, first_number=5001, actor=house.me)
    assert "5002" in refused.value.message
    assert checks.issue_run(bank_account_id=house.bank.id, actor=house.me).first_number == 5002
    assert {first.pk, second.pk, third.pk} == set(Disbursement.objects.values_list("pk", flat=True))
    with pytest.raises(checks.NothingToIssue):
        checks.issue_run(bank_account_id=house.bank.id, actor=house.me)
    assert CheckRun.objects.count() == 2


def test_the_issue_file_names_each_check_and_ties_with_its_last_line(house: House) -> None:
    for minor in (10_000, 20_050):
        moved_on(asked(house, overpaid(house, minor)))
    run = checks.issue_run(bank_account_id=house.bank.id, actor=house.me)
    lines = run.content.splitlines()
    assert lines[0] == "record,account,check_number,issue_date,amount,payee"
    assert lines[1].startswith(f"I,{house.bank.account_mark},1001,{clock.today()},100.00,")
    assert lines[3] == "T,,2,,300.50,"


def test_a_check_whose_cash_was_used_meanwhile_is_held_and_no_other_waits_for_it(house: House) -> None:
    policy = overpaid(house, 10_000)
    made = moved_on(asked(house, policy))
    other = moved_on(asked(house, overpaid(house, 20_000)))
    with clock.frozen(dt.datetime(2026, 8, 1, 12, tzinfo=dt.UTC)):
        invoices.issue(policy_id=policy.id, actor=house.me)
    checks.issue_run(bank_account_id=house.bank.id, actor=house.me)
    made.refresh_from_db()
    other.refresh_from_db()
    assert (made.state, other.state) == (S.HELD, S.ISSUED)
    assert "unapplied" in made.hold_reason


def test_a_voided_check_gives_the_cash_back_to_the_cent_and_is_named_to_the_bank(house: House) -> None:
    policy = overpaid(house)
    made = moved_on(asked(house, policy))
    checks.issue_run(bank_account_id=house.bank.id, actor=house.me)
    checks.void(disbursement_id=made.id, reason="Lost in the mail.", actor=house.me)
    assert free(policy) == 50_000
    assert in_bank(house) == 0
    assert "V," in checks.void_file(house.bank, clock.today())
    assert not proof.check(house.operator.id)
    with pytest.raises(IllegalTransition):
        checks.void(disbursement_id=made.id, reason="Again.", actor=house.me)


def test_a_reissue_voids_the_check_and_asks_for_the_same_amount_again(house: House) -> None:
    policy = overpaid(house)
    made = moved_on(asked(house, policy))
    checks.issue_run(bank_account_id=house.bank.id, actor=house.me)
    again = checks.reissue(disbursement_id=made.id, reason="Torn.", actor=house.me)
    made.refresh_from_db()
    assert (made.state, again.state, again.amount_minor, again.reissues_id) == (S.VOIDED, S.REQUESTED, 50_000, made.id)
    moved_on(again)
    assert checks.issue_run(bank_account_id=house.bank.id, actor=house.me).first_number == 1002
    assert not proof.check(house.operator.id)


def test_an_uncashed_check_grows_stale_after_180_days_and_may_become_unclaimed_property(house: House) -> None:
    policy = overpaid(house)
    made = moved_on(asked(house, policy))
    checks.issue_run(bank_account_id=house.bank.id, actor=house.me)
    day = clock.today() + dt.timedelta(days=180)
    with clock.frozen(dt.datetime.combine(day, dt.time(12), dt.UTC)):
        disbursing.sweep_issued()
        made.refresh_from_db()
        assert made.state == S.ISSUED
    with clock.frozen(dt.datetime.combine(day + dt.timedelta(days=1), dt.time(12), dt.UTC)):
        disbursing.sweep_issued()
        made.refresh_from_db()
        assert made.state == S.STALE
        checks.escheat(disbursement_id=made.id, reason="Three years dormant.", actor=house.me)
    assert books.trial_balance(house)[("unclaimed_property", "HI")] == -50_000
    assert in_bank(house) == 0
    assert not proof.check(house.operator.id)


def test_a_cleared_check_is_final_and_its_day_lies_between_issue_and_today(house: House) -> None:
    made = moved_on(asked(house, overpaid(house)))
    checks.issue_run(bank_account_id=house.bank.id, actor=house.me)
    for day in (clock.today() - dt.timedelta(days=1), clock.today() + dt.timedelta(days=1)):
        with pytest.raises(Invalid):
            checks.clear(disbursement_id=made.id, on=day, actor=house.me)
    assert checks.clear(disbursement_id=made.id, on=clock.today(), actor=house.me).state == S.CLEARED
    with pytest.raises(IllegalTransition):
        checks.void(disbursement_id=made.id, reason="Late.", actor=house.me)


def test_by_the_original_way_the_payment_is_refunded_in_part_and_the_disbursement_follows_it(house: House) -> None:
    policy = overpaid(house, 12_000)
    made = moved_on(asked(house, policy, Wish(method="original")))
    refund = Refund.objects.get(disbursement_id=made.id)
    assert (made.state, refund.amount_minor) == (S.SUBMITTED, 12_000)
    refunds.submit(refund.id)
    made = moved_on(made)
    assert made.state == S.CLEARED
    assert free(policy) == 0
    assert refund.payment.state == Payment.State.SUCCEEDED
    assert not proof.check(house.operator.id)


def test_by_ach_a_credit_goes_with_the_next_file_and_one_that_comes_back_is_the_policys_again(house: House) -> None:
    desk = ach.open_desk(house)
    policy = overpaid(house)
    own = paying.bank_account(house, policy.insured)
    wish = Wish(method="ach", bank_account_id=desk.account.bank_account_id, payment_method_id=own.id)
    made = moved_on(asked(house, policy, wish))
    entry = AchEntry.objects.get(reference=made.id)
    assert (made.state, entry.transaction_code, entry.amount_minor, free(policy)) == (S.ISSUED, "22", 50_000, 0)
    ach.at(clock.today())
    file = ach.sent(desk)
    assert file.credit_minor == 50_000
    entry.refresh_from_db()
    ach.at(entry.settles_on)
    settling.settle_due()
    assert moved_on(made).state == S.CLEARED
    assert not proof.check(house.operator.id)
    ach.received(desk, ach_bank.returned(entry.trace_number, "R03", 50_000, transaction="21"))
    assert moved_on(made).state == S.RETURNED
    assert free(policy) == 50_000
    assert not proof.check(house.operator.id)


def test_only_who_may_pay_asks_and_only_at_home(house: House) -> None:
    policy = overpaid(house)
    with pytest.raises(Forbidden):
        asked(house, policy, actor=world.actor(house.operator, "viewer"))
    with pytest.raises(NotFound):
        asked(house, policy, actor=world.actor(world.organization("mga"), "admin"))


def test_doing_every_step_many_times_pays_once(house: House) -> None:
    policy = overpaid(house)
    made = moved_on(asked(house, policy), times=12)
    checks.issue_run(bank_account_id=house.bank.id, actor=house.me)
    moved_on(made, times=5)
    disbursing.sweep()
    disbursing.sweep_issued()
    assert CashOut.objects.filter(source_id=made.id).count() == 1
    assert in_bank(house) == -50_000


def test_positive_pay_of_no_check_is_an_empty_file_that_ties() -> None:
    assert positive_pay.write([]).splitlines()[-1] == "T,,0,,0.00,"
    voided = IssuedCheck("V", "123", 7, dt.date(2026, 2, 1), Money(5), "a  b")
    assert positive_pay.write([voided]).splitlines()[1] == "V,123,7,2026-02-01,0.05,A B"
