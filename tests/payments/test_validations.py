"""Account validation: a prenote that nobody returns, or two amounts named back within three tries."""

from __future__ import annotations

import datetime as dt
import json

import pytest

from compliance import vault
from compliance.models import AuditEntry, EventRecord
from compliance.permissions import Permission
from coverpay.kernel import clock
from coverpay.kernel.actors import Actor
from coverpay.kernel.commands import command, unchanged
from coverpay.kernel.errors import DomainError, Forbidden, Invalid, NotFound
from payments import methods, validations
from payments.models import AccountValidation, AchEntry, PaymentMethod
from payments.validations import (  # fmt: skip
    AmountsWrong,
    NoAchAccount,
    NothingToValidate,
    ValidationFailed,
    ValidationOver,
    ValidationPending,
)
from tests.support import books, paying
from tests.support.books import House

pytestmark = pytest.mark.django_db


@pytest.fixture
def account(house: House) -> PaymentMethod:
    """A bank account with a mandate given on the web, and somebody who sends files."""
    paying.ach_account(house)
    return paying.mandated(house, books.bound(house))


def started(house: House, account: PaymentMethod, kind: str = "prenote") -> AccountValidation:
    return validations.start(payment_method_id=account.id, kind=kind, actor=house.me)


@command
def moved(*, entry: AchEntry, how: str, actor: Actor) -> None:
    getattr(entry, how)()
    entry.save()
    unchanged()


@command
def returned(*, reference: str, actor: Actor) -> AccountValidation | None:
    unchanged()
    return validations.prenote_returned(reference, "R03 No account")


def at(day: dt.date) -> dt.datetime:
    return dt.datetime.combine(day, dt.time(13), dt.UTC)


def test_a_prenote_that_nobody_returned_passes_on_the_third_banking_day(house: House, account: PaymentMethod) -> None:
    validation = started(house, account)
    entry = AchEntry.objects.get(reference=validation.id)
    # Monday 2026-02-02, 10:00 in New York: in today's file, settles Tuesday; the third banking day after is Friday.
    assert (entry.amount_minor, entry.transaction_code, entry.effective_on) == (0, "28", dt.date(2026, 2, 3))
    assert validation.ready_at == dt.datetime(2026, 2, 6, tzinfo=dt.UTC)
    assert started(house, account).id == validation.id
    moved(entry=entry, how="put_in_file", actor=house.me)
    with clock.frozen(at(dt.date(2026, 2, 5))):
        assert validations.sweep() == 0
    with clock.frozen(at(dt.date(2026, 2, 6))):
        assert validations.sweep() == 1
    validation.refresh_from_db()
    account.refresh_from_db()
    assert (validation.state, account.state, paying.why(account)) == ("passed", "active", None)
    assert EventRecord.objects.filter(type="account_validation.passed").count() == 1


def test_a_prenote_that_no_file_holds_yet_waits_on(house: House, account: PaymentMethod) -> None:
    validation = started(house, account)
    with clock.frozen(at(dt.date(2026, 2, 6))):
        assert validations.sweep() == 1
        validation.refresh_from_db()
        assert (validation.state, validation.ready_at) == ("pending", dt.datetime(2026, 2, 7, tzinfo=dt.UTC))


def test_a_returned_prenote_fails_and_another_may_be_started(house: House, account: PaymentMethod) -> None:
    validation = started(house, account)
    done = returned(reference=validation.id, actor=house.me)
    assert done is not None and (done.state, done.result) == ("failed", "Returned: R03 No account")
    assert paying.why(account) == "not_validated"
    assert started(house, account, "micro_entries").id != validation.id
    assert returned(reference="att_none", actor=house.me) is None


def test_a_prenote_returned_late_takes_the_validation_back(house: House, account: PaymentMethod) -> None:
    validation = started(house, account)
    moved(entry=AchEntry.objects.get(), how="put_in_file", actor=house.me)
    with clock.frozen(at(dt.date(2026, 2, 6))):
        validations.sweep()
    returned(reference=validation.id, actor=house.me)
    account.refresh_from_db()
    assert account.state == "unvalidated"


def test_micro_entries_are_two_credits_and_a_debit_of_their_sum_and_sealed(
    house: House, account: PaymentMethod
) -> None:
    validation = started(house, account, "micro_entries")
    entries = list(AchEntry.objects.order_by("reference"))
    first, second, back = [entry.amount_minor for entry in entries]
    assert [entry.transaction_code for entry in entries] == ["22", "22", "27"]
    assert 0 < first < 100 and 0 < second < 100 and first != second and back == first + second
    assert json.loads(vault.open_sealed(validation.amounts_sealed, row_id=validation.id)) == [first, second]
    with pytest.raises(vault.CannotOpen):
        vault.open_sealed(validation.amounts_sealed, row_id="val_another")
    with pytest.raises(ValidationPending):
        started(house, account, "prenote")
    done = validations.confirm(validation_id=validation.id, amounts_minor=[second, first], actor=house.me)
    assert (done.state, done.tries) == ("passed", 1)
    assert PaymentMethod.objects.get().state == "active"
    with pytest.raises(ValidationOver):
        validations.confirm(validation_id=validation.id, amounts_minor=[second, first], actor=house.me)


def test_three_wrong_answers_fail_it_and_each_is_kept(house: House, account: PaymentMethod) -> None:
    validation = started(house, account, "micro_entries")
    for left in (2, 1):
        with pytest.raises(AmountsWrong) as refused:
            validations.confirm(validation_id=validation.id, amounts_minor=[99, 98], actor=house.me)
        assert (refused.value.extra["tries_left"], refused.value.field) == (left, "amounts_minor")
    with pytest.raises(ValidationFailed):
        validations.confirm(validation_id=validation.id, amounts_minor=[99, 98], actor=house.me)
    validation.refresh_from_db()
    assert (validation.state, validation.tries, PaymentMethod.objects.get().state) == ("failed", 3, "unvalidated")
    assert AuditEntry.objects.filter(action="account_validation.answer").count() == 2


@pytest.mark.parametrize("amounts", [[], [1], [1, 2, 3], [0, 5], [100, 5]])
def test_what_is_no_answer_costs_no_try(house: House, account: PaymentMethod, amounts: list[int]) -> None:
    validation = started(house, account, "micro_entries")
    with pytest.raises(Invalid):
        validations.confirm(validation_id=validation.id, amounts_minor=amounts, actor=house.me)
    validation.refresh_from_db()
    assert validation.tries == 0


def test_only_a_bank_account_we_hold_that_is_not_validated_is_validated(house: House) -> None:
    policy = books.bound(house)
    account, card = paying.mandated(house, policy), paying.card(house, policy.insured)
    with pytest.raises(NoAchAccount):
        started(house, account)
    paying.ach_account(house)
    with pytest.raises(NothingToValidate):
        started(house, card)
    paying.validated(method=account, actor=house.me)
    with pytest.raises(NothingToValidate):
        started(house, account)
    methods.remove(payment_method_id=account.id, actor=house.me)
    with pytest.raises(methods.MethodOver):
        started(house, account)


def test_validating_takes_the_permission_and_the_own_account(house: House, account: PaymentMethod) -> None:
    kinds: list[tuple[str, frozenset[Permission], type[DomainError]]] = [
        (house.operator.id, frozenset({Permission.PAYMENTS_READ}), Forbidden),
        (house.carrier.id, frozenset(Permission), NotFound),
    ]
    for organization, permissions, error in kinds:
        with pytest.raises(error):
            actor = Actor("user", "u", organization, permissions)
            validations.start(payment_method_id=account.id, kind="prenote", actor=actor)
