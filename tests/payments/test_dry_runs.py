"""A draft routing table on past payments: what would have gone where, beside what happened, writing nothing."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from compliance.permissions import Permission
from coverpay.kernel import clock
from coverpay.kernel.actors import Actor
from coverpay.kernel.errors import Forbidden, Invalid
from payments import accounts, collection, dry_runs
from payments.dry_runs import DryRun, Example, Tally
from payments.models import GatewayAccount
from payments.routing import RulesUnreadable
from tests.support import books
from tests.support.books import House

pytestmark = pytest.mark.django_db


@pytest.fixture
def second(house: House) -> GatewayAccount:
    """An account that costs 1% and 1.00 a payment; the sandbox's own costs are 2.9% and 0.30."""
    costs = {"cost_ppm": 10_000, "cost_fixed_minor": 100}
    return accounts.open_account(
        gateway="sandbox", merchant="second", bank_account_id=house.bank.id, settings=costs, actor=house.me
    )


def tried(house: House, *rules: dict[str, Any], **asked: Any) -> DryRun:
    days = {"since": clock.today(), "until": clock.today()}
    return dry_runs.dry_run(**{"actor": house.me, "rules": list(rules), **days, **asked})


def paid(house: House, method: str, minor: int) -> str:
    invoice = books.billed(house)
    return collection.collect(
        invoice_id=invoice.id, method=method, token="tok_ok", amount_minor=minor, actor=house.me
    ).id


def test_what_would_have_gone_elsewhere_is_counted_with_its_cost(house: House, second: GatewayAccount) -> None:
    card, debit = paid(house, "card", 100_000), paid(house, "ach", 50_000)
    done = tried(house, {"when": {"method": ["card"]}, "to": [second.id]}, {"to": [house.account.id]})
    assert (done.payments, done.elsewhere, done.refused) == (2, 1, 0)
    assert done.examples == [Example(card, "rule 1: card goes to sandbox second")]
    first, other = done.shares
    # By the sandbox: 2.9% of 1,000.00 and 0.30 = 29.30; 2.9% of 500.00 and 0.30 = 14.80. By the other 10.00 + 1.00.
    assert (first.account_id, first.was, first.would) == (
        house.account.id, Tally(2, 150_000, 2_930 + 1_480), Tally(1, 50_000, 1_480),
    )  # fmt: skip
    assert (other.account_id, other.was, other.would) == (second.id, Tally(), Tally(1, 100_000, 1_100))
    assert done.differences == {"USD": 1_100 - 2_930}
    assert debit not in {example.payment_id for example in done.examples}


def test_what_no_rule_lets_through_is_told_with_the_reason(house: House) -> None:
    payment = paid(house, "ach", 50_000)
    done = tried(house, {"when": {"method": ["card"]}, "to": ["sandbox"]})
    assert (done.payments, done.refused) == (1, 1)
    assert done.examples[0].payment_id == payment
    assert "rule 1: is for card, not ach" in done.examples[0].why


def test_a_split_sends_each_payment_where_it_would_go_then(house: House, second: GatewayAccount) -> None:
    for minor in range(1_000, 1_006):
        paid(house, "card", minor)
    split = {"to": {"split": [{"to": house.account.id, "weight": 1}, {"to": second.id, "weight": 1}]}}
    once, again = tried(house, split), tried(house, split)
    assert once.shares == again.shares
    assert sum(share.would.count for share in once.shares) == 6


def test_it_reads_in_a_fixed_number_of_queries_and_writes_nothing(house: House, second: GatewayAccount) -> None:
    rules = ({"when": {"state": ["HI"], "organization": [house.carrier.code]}, "to": [second.id]}, {"to": ["sandbox"]})
    counts = []
    for _ in range(2):
        paid(house, "card", 1_000)
        with CaptureQueriesContext(connection) as asked:
            done = tried(house, *rules)
        assert all(query["sql"].startswith("SELECT") for query in asked.captured_queries)
        counts.append(len(asked))
    assert counts[0] == counts[1]
    assert done.elsewhere == 2


def test_days_and_a_limit_choose_the_payments_and_those_of_others_are_not_among_them(house: House) -> None:
    for _ in range(3):
        paid(house, "card", 1_000)
    other = books.open_house()
    paid(other, "card", 1_000)
    assert tried(house, {"to": ["sandbox"]}).payments == 3
    assert tried(house, {"to": ["sandbox"]}, limit=2).payments == 2
    tomorrow = clock.today() + dt.timedelta(days=1)
    assert tried(house, {"to": ["sandbox"]}, since=tomorrow, until=tomorrow).payments == 0


def test_what_cannot_be_asked_is_refused(house: House) -> None:
    with pytest.raises(RulesUnreadable):
        tried(house, {"to": ["nobody"]})
    with pytest.raises(Invalid, match="after the last"):
        tried(house, since=dt.date(2026, 2, 1), until=dt.date(2026, 1, 1))
    for limit in (0, dry_runs.MOST + 1):
        with pytest.raises(Invalid, match="payments are tried"):
            tried(house, limit=limit)
    with pytest.raises(Forbidden):
        tried(house, actor=Actor("user", "u", house.operator.id, frozenset({Permission.BILLING_READ})))
