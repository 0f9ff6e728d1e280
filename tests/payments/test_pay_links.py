"""Links to pay without a sign-in: one secret, one thing they are about, and an end."""

from __future__ import annotations

import datetime as dt

import pytest

from billing import accounts
from compliance.models import AuditEntry, EventRecord
from coverpay.kernel import clock
from coverpay.kernel.actors import system
from coverpay.kernel.errors import Forbidden, Invalid, NotFound
from payments import pay_links, payable
from payments.models import PayLink
from payments.pay_links import LinkExpired, LinkRevoked, LinkUnknown
from payments.waits import TooManyTries
from tests.support import books, world
from tests.support.books import House

pytestmark = pytest.mark.django_db

PAYOR = system("payor")
HERE = "192.0.2.7"


def secret_of(url: str) -> str:
    return url.rstrip("/").rpartition("/")[2]


def opened(url: str, address: str = HERE) -> PayLink:
    return pay_links.open(secret=secret_of(url), address=address, actor=PAYOR)


def test_a_link_has_a_secret_of_256_bits_and_keeps_only_its_hash(house: House) -> None:
    invoice = books.billed(house)
    link, url = pay_links.create(invoice_id=invoice.id, actor=house.me)
    secret = secret_of(url)
    assert len(secret) == 43  # 256 bits in base64
    row = PayLink.objects.filter(pk=link.id).values()[0]
    kept = [str(value) for value in row.values()]
    kept += [str(entry.after) for entry in AuditEntry.objects.all()] + [str(e.data) for e in EventRecord.objects.all()]
    assert not [text for text in kept if secret in text]
    assert (link.party, link.invoice, link.policy) == (invoice.policy.insured, invoice, invoice.policy)


def test_opening_is_told_once_and_changes_nothing_else(house: House) -> None:
    link, url = pay_links.create(policy_id=books.billed(house).policy_id, actor=house.me)
    assert [opened(url).id, opened(url).id] == [link.id] * 2
    told = EventRecord.objects.filter(object_id=link.id).order_by("id").values_list("type", flat=True)
    assert list(told) == ["pay_link.created", "pay_link.opened"]


def test_a_secret_that_nobody_gave_out_is_unknown_whatever_it_looks_like(house: House) -> None:
    _, url = pay_links.create(policy_id=books.billed(house).policy_id, actor=house.me)
    for secret in ("x", secret_of(url)[:-1], secret_of(url) + "x", "\ud800", "é" * 500):
        with pytest.raises(LinkUnknown) as refused:
            pay_links.open(secret=secret, address=HERE, actor=PAYOR)
        assert "not known" in refused.value.message


def test_whoever_guesses_secrets_waits_and_others_do_not(house: House) -> None:
    _, url = pay_links.create(policy_id=books.billed(house).policy_id, actor=house.me)
    for number in range(21):
        with pytest.raises(LinkUnknown):
            pay_links.open(secret=f"guess-{number}", address=HERE, actor=PAYOR)
    with pytest.raises(TooManyTries):
        opened(url)
    assert opened(url, "192.0.2.8")
    clock.advance(dt.timedelta(minutes=1))
    assert opened(url)


def test_a_link_ends_by_time_and_when_it_is_taken_back(house: House) -> None:
    policy_id = books.billed(house).policy_id
    _, url = pay_links.create(policy_id=policy_id, days=3, actor=house.me)
    link, other = pay_links.create(policy_id=policy_id, actor=house.me)
    pay_links.revoke(link_id=link.id, reason="sent to the wrong person", actor=house.me)
    with pytest.raises(LinkRevoked):
        opened(other)
    with pytest.raises(LinkRevoked):
        pay_links.revoke(link_id=link.id, reason="again", actor=house.me)
    clock.advance(dt.timedelta(days=3))
    with pytest.raises(LinkExpired):
        opened(url)


def test_a_link_is_about_one_thing_of_ones_own(house: House) -> None:
    policy, stranger = books.billed(house).policy, world.actor(world.organization("agency"))
    with pytest.raises(Invalid):
        pay_links.create(actor=house.me)
    with pytest.raises(Invalid):
        pay_links.create(policy_id=policy.id, days=0, actor=house.me)
    with pytest.raises(Invalid):
        pay_links.create(policy_id=policy.id, purpose="look", actor=house.me)
    with pytest.raises(Invalid):
        pay_links.create(policy_id=policy.id, invoice_id=books.billed(house).id, actor=house.me)
    with pytest.raises(NotFound):
        pay_links.create(policy_id=policy.id, actor=stranger)
    with pytest.raises(Forbidden):
        pay_links.create(policy_id=policy.id, actor=world.actor(house.operator, "viewer"))


def test_a_link_shows_what_it_is_about_and_nothing_of_another_payor(house: House) -> None:
    """A policy shared by two accounts: the insured's link shows the insured's bill alone, each account's its own."""
    policy, other = books.bound(house), books.billed(house)
    mine = accounts.open_account(number="A-1", payor_id=policy.insured_id, mode="separate", actor=house.me)
    theirs = accounts.open_account(number="A-2", payor_id=other.policy.insured_id, mode="separate", actor=house.me)
    shares = {mine.id: 400_000, theirs.id: 600_000}
    accounts.set_shares(policy_id=policy.id, shares=shares, actor=house.me)
    from billing import invoices

    invoices.issue(policy_id=policy.id, actor=house.me)
    by_account = {invoice.account_id: invoice.id for invoice in policy.invoices.all()}

    def shown(**about: str) -> list[str]:
        return [each.id for each in payable.of_link(pay_links.create(actor=house.me, **about).link)]

    assert shown(policy_id=policy.id) == [by_account[mine.id]]
    assert shown(billing_account_id=theirs.id) == [by_account[theirs.id]]
    assert shown(invoice_id=by_account[theirs.id]) == [by_account[theirs.id]]
    assert shown(policy_id=other.policy_id) == [other.id]
