"""Mandates: the words, how and from where they were agreed to, what that makes of a debit, and their end."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import DatabaseError, transaction

from compliance.models import AuditEntry
from compliance.permissions import Permission
from coverpay.kernel.actors import Actor
from coverpay.kernel.errors import Conflict, DomainError, Forbidden, Invalid, NotFound
from coverpay.kernel.texts import BadText
from payments import collection, mandates, methods
from payments.mandates import MandateRevoked, MandateUnclear
from payments.models import Mandate, PaymentMethod
from tests.support import books, paying
from tests.support.books import House

pytestmark = pytest.mark.django_db


@pytest.fixture
def account(house: House) -> PaymentMethod:
    return paying.bank_account(house, books.bound(house).insured)


@pytest.mark.parametrize(
    ("holder", "said", "sec_code"),
    [
        ("consumer", {"given": "web", "ip": "2001:db8::7"}, "WEB"),
        ("consumer", {"given": "phone", "evidence": "call 17"}, "TEL"),
        ("consumer", {"given": "paper", "evidence": "folder 7"}, "PPD"),
        ("business", {"given": "web", "ip": "203.0.113.7"}, "CCD"),
        ("business", {"given": "agreement"}, "CCD"),
    ],
)
def test_how_leave_was_given_decides_how_a_debit_is_presented(
    house: House, holder: str, said: dict[str, str], sec_code: str
) -> None:
    account = paying.bank_account(house, books.bound(house).insured, holder=holder)
    mandate = paying.allow(house, account, **said)
    assert (mandate.sec_code, mandates.sec_code_for(account)) == (sec_code, sec_code)
    assert (mandate.text, mandate.recorded_by) == (paying.WORDS, "usr_test")
    entry = AuditEntry.objects.get(action="mandate.given")
    assert entry.after["sec_code"] == sec_code and paying.WORDS not in str(entry.after)


def test_a_card_needs_no_way_of_presenting(house: House) -> None:
    card = paying.card(house, books.bound(house).insured)
    assert paying.allow(house, card, given="agreement").sec_code == ""


@pytest.mark.parametrize(
    ("changes", "error", "field"),
    [
        ({"ip": None}, MandateUnclear, "ip"),
        ({"ip": "here"}, MandateUnclear, "ip"),
        ({"given": "phone"}, MandateUnclear, "evidence"),
        ({"given": "paper"}, MandateUnclear, "evidence"),
        ({"given": "agreement"}, MandateUnclear, "given"),
        ({"given": "by owl"}, MandateUnclear, "given"),
        ({"sec_code": "PPD"}, MandateUnclear, "sec_code"),
        ({"recurring": False}, MandateUnclear, "policy"),
        ({"text": " \n "}, BadText, "text"),
        ({"text": "a\x00b"}, BadText, "text"),
        ({"text": "x" * 8001}, BadText, "text"),
        ({"policy_id": "pol_none"}, NotFound, "policy"),
    ],
)
def test_what_does_not_fit_together_is_refused_by_its_field(
    house: House, account: PaymentMethod, changes: Any, error: type[DomainError], field: str
) -> None:
    with pytest.raises(error) as refused:
        paying.allow(house, account, **changes)
    assert refused.value.field == field
    assert not Mandate.objects.exists()


def test_words_keep_their_lines(house: House, account: PaymentMethod) -> None:
    assert paying.allow(house, account, text="One.\r\n\r\nTwo. ").text == "One.\n\nTwo."


def test_the_same_again_is_the_one_that_stands_and_others_take_its_place(house: House, account: PaymentMethod) -> None:
    first = paying.allow(house, account)
    assert paying.allow(house, account).id == first.id
    second = paying.allow(house, account, text="Other words.")
    first.refresh_from_db()
    assert (first.revoked_reason, mandates.standing(account)) == ("Another mandate took its place.", second)
    assert Mandate.objects.count() == 2


def test_a_mandate_for_one_policy_covers_no_other(house: House, account: PaymentMethod) -> None:
    own, other = account.party.policies.get(), books.bound(house)
    mandate = paying.allow(house, account, policy_id=own.id)
    assert mandates.standing(account, policy_ids=[own.id]) == mandate
    assert mandates.standing(account, policy_ids=[own.id, other.id]) is None
    whole = paying.allow(house, account)
    assert mandates.standing(account, policy_ids=[own.id, other.id]) == whole


def test_leave_for_one_charge_is_used_up_by_the_first_that_did_not_fail(house: House) -> None:
    invoice = books.billed(house)
    card = paying.card(house, invoice.policy.insured)
    once = paying.allow(house, card, recurring=False, policy_id=invoice.policy_id)
    asked = {"policy_ids": [invoice.policy_id], "initiator": "schedule"}
    assert mandates.standing(card, **asked) == once
    assert mandates.standing(card, **{**asked, "initiator": "autopay"}) is None
    collection.collect(invoice_id=invoice.id, payment_method_id=card.id, actor=house.me)
    assert mandates.standing(card, **asked) is None
    lasting = paying.allow(house, card)
    assert mandates.standing(card, **asked) == lasting


def test_a_revoked_mandate_stays_with_its_words_and_nobody_can_delete_it(house: House, account: PaymentMethod) -> None:
    mandate = paying.allow(house, account)
    revoked = mandates.revoke(mandate_id=mandate.id, reason="asked by phone", actor=house.me)
    assert revoked.revoked_at is not None and revoked.revoked_reason == "asked by phone"
    assert mandates.standing(account) is None
    with pytest.raises(MandateRevoked):
        mandates.revoke(mandate_id=mandate.id, reason="again", actor=house.me)
    with pytest.raises(DatabaseError, match="kept as written"), transaction.atomic():
        Mandate.objects.filter(pk=mandate.id).delete()
    with pytest.raises(DatabaseError), transaction.atomic():
        Mandate.objects.filter(pk=mandate.id).update(text="Other words.")
    assert Mandate.objects.get().text == paying.WORDS


def test_a_removed_method_takes_no_mandate(house: House, account: PaymentMethod) -> None:
    methods.remove(payment_method_id=account.id, actor=house.me)
    with pytest.raises(Conflict):
        paying.allow(house, account)


def test_mandates_take_the_permission_and_the_own_method(house: House, account: PaymentMethod) -> None:
    mandate = paying.allow(house, account)
    cases: list[tuple[str, frozenset[Permission], type[DomainError]]] = [
        (house.operator.id, frozenset({Permission.PAYMENTS_READ}), Forbidden),
        (house.carrier.id, frozenset(Permission), NotFound),
    ]
    for organization, permissions, error in cases:
        actor = Actor("user", "u", organization, permissions)
        with pytest.raises(error):
            mandates.revoke(mandate_id=mandate.id, reason="x", actor=actor)
        with pytest.raises(error):
            paying.allow(house, account, actor=actor)
    with pytest.raises(Invalid):
        mandates.revoke(mandate_id=mandate.id, reason=" ", actor=house.me)
