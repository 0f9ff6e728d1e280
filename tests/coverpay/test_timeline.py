"""The timeline of a policy: from the quote to the bank line, in order, each step with its page."""

from __future__ import annotations

import datetime as dt

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from billing import invoices
from compliance import identity
from coverpay.dashboard import timeline
from coverpay.demo import bank
from coverpay.kernel import clock
from payments import attempts, collection, settlement
from payments.gateways.sandbox import Sandbox
from policies.models import Policy
from reconciliation import imports, matches
from tests.support import books, world
from tests.support.books import House
from tests.support.html import read

pytestmark = pytest.mark.django_db
HOUR = dt.timedelta(hours=1)


def lived(house: House, sandbox: Sandbox) -> Policy:
    """A policy whose first half went all the way to the bank statement, an hour between the steps."""
    policy = books.bound(house)
    clock.advance(HOUR)
    invoice = invoices.issue(policy_id=policy.id, actor=house.me)
    clock.advance(HOUR)
    payment = collection.collect(invoice_id=invoice.id, method="card", token="tok_ok", actor=house.me)
    attempts.submit(payment.attempts.get().id)
    sandbox.close_day(house.account.merchant, clock.today())
    clock.advance(HOUR)
    (payout,) = settlement.import_payouts(account_id=house.account.id, since=clock.today(), actor=house.me)
    deposit = bank.Movement(payout.amount_minor, bank.ACH_CREDIT, payout.reference, "PAYOUT")
    text = bank.statement(
        bank_id=house.bank.bank_id,
        account=house.bank.account_mark,
        on=clock.today(),
        opening_minor=0,
        moved=[deposit],
    )
    imports.import_statement(content=text.encode(), file_name="day.bai", actor=house.me)
    clock.advance(HOUR)
    matches.run_matching(bank_account_id=house.bank.id, actor=house.me)
    return policy


def test_the_whole_way_is_told_in_order(house: House, sandbox: Sandbox) -> None:
    policy = lived(house, sandbox)
    moments = timeline.of(house.me, policy)
    assert [moment.at for moment in moments] == sorted(moment.at for moment in moments)
    assert [(moment.title.partition(" SBX")[0], moment.amount_minor) for moment in moments] == [
        ("Quoted: new business", 1_071_800),
        ("Bound, schedule set", None),
        (f"Invoice {policy.number}-001", 535_900),
        ("Posted invoice.issued", 535_900),
        ("Payment by card", 535_900),
        ("Attempt 1 at sandbox", None),
        ("Posted payment.taken", 535_900),
        ("Posted cash.applied", 535_900),
        ("In payout", 535_900),
        ("Posted payout.recorded", 535_900 - 15_571),
        ("Seen on the bank statement", 535_900 - 15_571),
    ]


def test_each_step_has_a_page_to_go_on_to(house: House, sandbox: Sandbox) -> None:
    policy = lived(house, sandbox)
    client = world.pages(world.member(house.operator))
    page = read(client.get(reverse("policy", args=[policy.id])))
    for moment in timeline.of(house.me, policy):
        if moment.object_id:
            answer = client.get(page.links[moment.title], follow=True)
            assert answer.status_code == 200 and answer.redirect_chain, moment.title


def test_a_viewer_sees_no_books_and_a_carrier_no_payments(house: House, sandbox: Sandbox) -> None:
    policy = lived(house, sandbox)
    viewer = identity.actor_for_user(world.member(house.operator, "viewer"))
    carrier = identity.actor_for_user(world.member(house.carrier, "admin"))
    assert {moment.kind for moment in timeline.of(viewer, policy)} == {"cover", "bill", "pay", "payout"}
    assert {moment.kind for moment in timeline.of(carrier, policy)} == {"cover", "bill"}


def test_a_long_life_takes_no_more_questions_than_a_short_one(house: House) -> None:
    short, long = books.bound(house), books.bound(house)
    for policy in (short, long):
        invoices.issue(policy_id=policy.id, actor=house.me)
    for token in ("tok_decline_expired_card", "tok_decline_do_not_honor", "tok_ok"):
        books.paid(house, long.invoices.get(), token)
    books.paid(house, short.invoices.get())

    def questions(policy: Policy) -> int:
        with CaptureQueriesContext(connection) as asked:
            timeline.of(house.me, policy)
        return len(asked)

    assert questions(long) == questions(short)
