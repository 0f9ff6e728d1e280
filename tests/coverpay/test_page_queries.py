"""The pages of policies ask the database the same number of questions, however many policies and invoices there are."""

from __future__ import annotations

import datetime as dt

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from billing import invoices
from coverpay.kernel.money import Money
from policies.models import Policy
from tests.support import books, world
from tests.support.books import House

pytestmark = pytest.mark.django_db


def asked(client: Client, path: str) -> int:
    """How many statements one request of a page takes, once it was asked for before."""
    client.get(path)
    with CaptureQueriesContext(
        connection,
    ) as seen:
        assert client.get(path).status_code == 200
    return len(seen)


def test_the_list_takes_the_same_queries_for_few_and_many_policies(house: House) -> None:
    client = world.pages(world.member(house.operator))
    books.bound(house)
    few = asked(client, "/policies/")
    for _ in range(12):
        books.bound(house, premium=Money(123_456))
    assert asked(client, "/policies/") == few


def test_the_page_of_a_policy_takes_the_same_queries_as_its_schedule_is_billed(house: House) -> None:
    client = world.pages(world.member(house.operator))
    first, second = books.bound(house), books.bound(house, plan="thirds")
    for policy in (first, second):
        invoices.issue(policy_id=policy.id, actor=house.me)
    few = asked(client, f"/policies/{first.id}/")
    invoices.issue(policy_id=second.id, actor=house.me, through=dt.date(2026, 12, 31))
    assert asked(client, f"/policies/{second.id}/") == few
    for _ in range(8):
        books.billed(house)
    assert Policy.objects.count() == 10
    assert asked(client, f"/policies/{first.id}/") == few
