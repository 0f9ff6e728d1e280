"""Payment methods: tokens and sealed numbers only, told again by a fingerprint, blocked for good, usable or not."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from django.db import IntegrityError

from compliance import vault
from compliance.models import AuditEntry, EventRecord
from compliance.permissions import Permission
from coverpay.kernel.actors import Actor
from coverpay.kernel.card_numbers import CardNumberRefused
from coverpay.kernel.commands import command
from coverpay.kernel.errors import DomainError, Forbidden, IllegalTransition, Invalid, NotFound
from coverpay.kernel.money import Money
from payments import attempts, collection, mandates, methods
from payments.bank_numbers import AccountNumberWrong, RoutingNumberWrong
from payments.gateways.base import Outcome, Status
from payments.methods import AccountBlocked, MethodNotUsable, MethodOver
from payments.models import Autopay, Mandate, PaymentMethod
from tests.support import books, paying
from tests.support.books import House

pytestmark = pytest.mark.django_db
TODAY = dt.date(2026, 2, 2)


@command
def corrected(*, method: PaymentMethod, said: dict[str, Any], actor: Actor) -> PaymentMethod:
    return methods.correct_account(method, reason="C01", **said)


def test_a_card_is_kept_as_a_token_and_the_first_is_the_default(house: House) -> None:
    party = books.bound(house).insured
    card = paying.card(house, party)
    assert (card.kind, str(card), card.state, card.is_default) == ("card", "visa ···4242", "active", True)
    token = methods.token_for(card, house.account)
    assert token is not None and (token.token, token.customer) == ("tok_ok", "cus_1")
    assert paying.card(house, party).id == card.id
    assert not paying.card(house, party, token="tok_other").is_default
    assert EventRecord.objects.filter(type="payment_method.added").count() == 2


@pytest.mark.parametrize("field", ["token", "customer"])
def test_a_card_number_is_refused_in_a_token_and_beside_it(house: House, field: str) -> None:
    with pytest.raises(CardNumberRefused) as refused:
        paying.card(house, books.bound(house).insured, **{field: "4242 4242 4242 4242"})
    assert (refused.value.status, refused.value.field) == (422, field)
    assert not PaymentMethod.objects.exists()


def test_an_account_number_is_sealed_for_its_row_and_shown_nowhere(house: House) -> None:
    account = paying.bank_account(house, books.bound(house).insured)
    assert (account.state, account.last4, account.routing_number) == ("unvalidated", "6789", "121000358")
    assert methods.account_number(account) == "000123456789"
    assert "123456789" not in account.account_sealed
    with pytest.raises(vault.CannotOpen):
        vault.open_sealed(account.account_sealed, row_id="pmt_another")
    kept = [*AuditEntry.objects.values_list("before", "after", "reason"), *EventRecord.objects.values_list("data")]
    assert "123456789" not in str(kept)


def test_the_same_account_again_is_the_one_that_stands_until_it_is_removed(house: House) -> None:
    party = books.bound(house).insured
    first = paying.bank_account(house, party)
    assert paying.bank_account(house, party, account_number="000-123 456 789").id == first.id
    assert paying.bank_account(house, party, account_number="000123456780").id != first.id
    assert paying.bank_account(house, books.bound(house).insured).id != first.id
    methods.remove(payment_method_id=first.id, actor=house.me)
    assert paying.bank_account(house, party).id != first.id
    with pytest.raises(MethodOver):
        methods.remove(payment_method_id=first.id, actor=house.me)


@pytest.mark.parametrize(
    ("changes", "error", "field"),
    [
        ({"routing_number": "121000359"}, RoutingNumberWrong, "routing_number"),  # check digit 8, not 9
        ({"routing_number": "12100035"}, RoutingNumberWrong, "routing_number"),
        ({"routing_number": "١٢١٠٠٠٣٥٨"}, RoutingNumberWrong, "routing_number"),
        ({"routing_number": "000000000"}, RoutingNumberWrong, "routing_number"),
        ({"account_number": "12"}, AccountNumberWrong, "account_number"),
        ({"account_number": "1" * 18}, AccountNumberWrong, "account_number"),
        ({"account_number": "12;34"}, AccountNumberWrong, "account_number"),
        ({"account_number": "4242424242424242"}, CardNumberRefused, "account_number"),
        ({"account_type": "credit"}, Invalid, "account_type"),
        ({"holder": "pet"}, Invalid, "holder"),
        ({"holder_name": " "}, Invalid, "holder_name"),
    ],
)
def test_what_is_mistyped_is_named(house: House, changes: dict[str, str], error: type[DomainError], field: str) -> None:
    with pytest.raises(error) as refused:
        paying.bank_account(house, books.bound(house).insured, **changes)
    assert refused.value.field == field
    assert not PaymentMethod.objects.exists()


def test_an_account_number_that_only_looks_like_a_card_is_taken_when_somebody_says_so(house: House) -> None:
    party = books.bound(house).insured
    assert paying.bank_account(house, party, account_number="4242424242424242", not_a_card=True).last4 == "4242"


def test_one_default_a_party_and_no_blocked_one(house: House) -> None:
    party = books.bound(house).insured
    card, account = paying.card(house, party), paying.bank_account(house, party)
    methods.make_default(payment_method_id=account.id, actor=house.me)
    assert methods.default_of(party) == account
    assert not PaymentMethod.objects.get(pk=card.id).is_default
    paying.blocked(method=card, reason="R10", actor=house.me)
    with pytest.raises(MethodNotUsable):
        methods.make_default(payment_method_id=card.id, actor=house.me)
    with pytest.raises(IntegrityError):
        PaymentMethod.objects.filter(party=party).update(is_default=True)


def test_a_blocked_method_ends_its_autopay_and_its_mandates_and_stays_so(house: House) -> None:
    policy = books.bound(house)
    account = paying.mandated(house, policy)
    enrolled = Autopay.objects.create(policy=policy, method="ach", token="", payment_method=account)
    paying.blocked(method=account, reason="R10 Customer advises not authorized", actor=house.me)
    account.refresh_from_db()
    assert (account.state, account.state_reason) == ("blocked", "R10 Customer advises not authorized")
    assert Autopay.objects.get(pk=enrolled.pk).ended_at is not None
    assert Mandate.objects.get().revoked_reason == "R10 Customer advises not authorized"
    assert paying.blocked(method=account, reason="R07", actor=house.me).state_reason.startswith("R10")


def test_a_blocked_account_is_refused_elsewhere_in_the_organization_with_the_reason(house: House) -> None:
    account = paying.mandated(house, books.bound(house))
    paying.blocked(method=account, reason="R07 Authorization revoked", actor=house.me)
    methods.remove(payment_method_id=account.id, actor=house.me)
    with pytest.raises(AccountBlocked, match="R07 Authorization revoked") as refused:
        paying.bank_account(house, books.bound(house).insured)
    assert refused.value.extra["payment_method"] == account.id
    another = books.open_house()
    assert paying.bank_account(another, books.bound(another).insured).state == "unvalidated"


def test_a_person_lifts_a_block_and_a_new_mandate_is_needed(house: House) -> None:
    account = paying.mandated(house, books.bound(house), given="paper", evidence="folder 7")
    paying.blocked(method=account, reason="R07", actor=house.me)
    with pytest.raises(Invalid):
        methods.lift_block(payment_method_id=account.id, reason=" ", actor=house.me)
    lifted = methods.lift_block(payment_method_id=account.id, reason="the bank was wrong", actor=house.me)
    assert (lifted.state, lifted.state_reason) == ("unvalidated", "")
    assert paying.why(account) == "no_mandate"
    with pytest.raises(IllegalTransition):
        methods.lift_block(payment_method_id=account.id, reason="again", actor=house.me)


def test_a_bank_account_takes_a_mandate_and_on_the_web_a_validation(house: House) -> None:
    policy = books.bound(house)
    account = paying.bank_account(house, policy.insured)
    assert paying.why(account) == "no_mandate"
    paying.allow(house, account)
    assert paying.why(account) == "not_validated"
    paying.validated(method=account, actor=house.me)
    assert paying.why(account) is None
    on_paper = paying.mandated(house, books.bound(house), given="paper", evidence="folder 7", account_number="77777")
    assert paying.why(on_paper) is None
    assert mandates.sec_code_for(on_paper) == "PPD"


def test_a_card_is_good_until_the_last_day_of_its_month_and_takes_a_mandate_when_nobody_is_present(
    house: House,
) -> None:
    card = paying.card(house, books.bound(house).insured, exp_month=2, exp_year=2028)
    assert methods.expires_on(card) == dt.date(2028, 2, 29)
    assert paying.why(card, on=dt.date(2028, 2, 29)) is None
    assert paying.why(card, on=dt.date(2028, 3, 1)) == "expired"
    assert paying.why(card, initiator="autopay") == "no_mandate"
    paying.allow(house, card)
    assert paying.why(card, initiator="autopay") is None


def test_a_blocked_and_a_removed_method_cannot_be_charged(house: House) -> None:
    card = paying.card(house, books.bound(house).insured)
    paying.blocked(method=card, reason="stolen_card", actor=house.me)
    card.refresh_from_db()
    assert paying.why(card) == "blocked"
    methods.remove(payment_method_id=card.id, actor=house.me)
    card.refresh_from_db()
    assert paying.why(card) == "removed"


def test_a_notice_of_change_corrects_the_account_and_asks_for_another_validation(house: House) -> None:
    account = paying.mandated(house, books.bound(house))
    paying.validated(method=account, actor=house.me)
    old = account.fingerprint
    account = corrected(method=account, said={"account_number": "987654321"}, actor=house.me)
    assert (methods.account_number(account), account.last4, account.state) == ("987654321", "4321", "unvalidated")
    assert account.fingerprint != old
    entry = AuditEntry.objects.get(action="payment_method.changed")
    assert entry.after == {"changed": ["account_number"], "state": "unvalidated"}
    assert "987654321" not in str(entry.after)


def test_a_corrected_type_or_a_mandate_on_paper_needs_no_other_validation(house: House) -> None:
    account = paying.mandated(house, books.bound(house))
    paying.validated(method=account, actor=house.me)
    assert corrected(method=account, said={"account_type": "savings"}, actor=house.me).state == "active"
    on_paper = paying.mandated(house, books.bound(house), given="paper", evidence="folder 7", account_number="77777")
    paying.validated(method=on_paper, actor=house.me)
    assert corrected(method=on_paper, said={"routing_number": "021000021"}, actor=house.me).state == "active"
    with pytest.raises(RoutingNumberWrong):
        corrected(method=on_paper, said={"routing_number": "021000022"}, actor=house.me)


def test_keeping_methods_takes_the_permission_and_the_own_party(house: House) -> None:
    party = books.bound(house).insured
    for organization, permissions, error in (
        (house.operator.id, frozenset({Permission.PAYMENTS_READ}), Forbidden),
        (house.carrier.id, frozenset(Permission), NotFound),
    ):
        with pytest.raises(error):
            paying.bank_account(house, party, actor=Actor("user", "u", organization, permissions))


def test_the_networks_id_of_the_first_success_is_kept_for_every_later_charge(house: House) -> None:
    invoice = books.billed(house)
    card = paying.card(house, invoice.policy.insured)
    payment = collection.collect(invoice_id=invoice.id, payment_method_id=card.id, actor=house.me)
    attempt = payment.attempts.get()
    attempts._begin(attempt_id=attempt.id, actor=attempts.SWEEPER)
    for told in ("net_1", "net_2"):
        done = Outcome(Status.SUCCEEDED, "sbx_1", amount=Money(535_900), network_transaction_id=told)
        attempts.record_outcome(attempt_id=attempt.id, outcome=done, actor=attempts.SWEEPER)
    card.refresh_from_db()
    assert card.network_transaction_id == "net_1"


def test_what_was_planned_before_its_method_was_blocked_is_never_sent(house: House) -> None:
    invoice = books.billed(house)
    card = paying.card(house, invoice.policy.insured)
    payment = collection.collect(invoice_id=invoice.id, payment_method_id=card.id, actor=house.me)
    paying.blocked(method=card, reason="stolen_card", actor=house.me)
    attempts.submit(payment.attempts.get().id)
    payment.refresh_from_db()
    assert (payment.state, payment.attempts.get().outcome_code) == ("failed", "method_blocked")
    assert books.charges(house) == []
