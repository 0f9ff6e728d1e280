"""Accounts at processors, their secrets, and the routing tables of an organization."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from django.db import DatabaseError, transaction

from compliance import vault
from compliance.models import AuditEntry
from compliance.permissions import Permission
from coverpay.kernel.actors import Actor
from coverpay.kernel.errors import Conflict, DomainError, Forbidden
from coverpay.kernel.money import Money
from payments import accounts
from payments.models import GatewayAccount, RoutingTable
from payments.routing import NoRoute
from tests.support import books, world
from tests.support.books import House
from tests.support.database import at_once

pytestmark = pytest.mark.django_db
JULY = dt.date(2026, 7, 1)


def opened(house: House, **changes: Any) -> GatewayAccount:
    asked = {"gateway": "sandbox", "merchant": "second", "bank_account_id": house.bank.id, "actor": house.me}
    return accounts.open_account(**{**asked, **changes})


def test_the_webhook_secret_is_sealed_for_its_row_and_told_to_no_audit(house: House) -> None:
    secret = accounts.webhook_secret(house.account)
    assert secret.startswith("whsec_")
    assert secret[6:] not in house.account.webhook_secret_sealed
    assert secret[6:] not in str(AuditEntry.objects.get(action="gateway_account.open").after)
    other = opened(house)
    other.webhook_secret_sealed = house.account.webhook_secret_sealed
    with pytest.raises(vault.CannotOpen):
        accounts.webhook_secret(other)


@pytest.mark.parametrize(
    ("changes", "field"),
    [({"gateway": "nobody"}, "gateway"), ({"merchant": " "}, "merchant"), ({"merchant": "x" * 81}, "merchant"),
     ({"bank_account_id": "bnk_nobody"}, "bank_account")],
)  # fmt: skip
def test_an_account_that_cannot_be_connected_is_refused_by_field(
    house: House, changes: dict[str, Any], field: str
) -> None:
    with pytest.raises(DomainError) as refused:
        opened(house, **changes)
    assert refused.value.field == field


def test_a_merchant_is_connected_once_and_never_moved(house: House) -> None:
    with pytest.raises(Conflict) as refused:
        opened(house, merchant=house.account.merchant)
    assert refused.value.field == "merchant"
    with pytest.raises(DatabaseError), transaction.atomic():
        GatewayAccount.objects.update(merchant="x")


def test_the_bank_account_of_another_organization_is_not_there(house: House) -> None:
    other = books.open_house()
    with pytest.raises(DomainError) as refused:
        opened(house, bank_account_id=other.bank.id)
    assert refused.value.status == 404


def test_the_table_in_force_today_routes_and_the_same_rules_again_are_one_version(house: House) -> None:
    rules = [{"when": {"method": ["card", "ach"]}, "gateway": "sandbox"}]
    same = accounts.publish_routing(rules=rules, effective_from=books.SINCE, actor=house.me)
    accounts.publish_routing(rules=[], effective_from=JULY, actor=house.me)
    assert same.number == 1
    assert accounts.route(house.operator.id, "ach", Money(1)).table == "routing v1"
    accounts.publish_routing(rules=[], effective_from=books.FIRST_DAY, actor=house.me)
    with pytest.raises(NoRoute, match="no rule"):
        accounts.route(house.operator.id, "ach", Money(1))


def test_an_organization_without_a_table_has_no_route() -> None:
    with pytest.raises(NoRoute, match="publish one first"):
        accounts.route(world.organization().id, "card", Money(1))


def test_settings_take_the_permission(house: House) -> None:
    cashier = Actor("user", "u", house.operator.id, frozenset({Permission.PAYMENTS_WRITE}))
    with pytest.raises(Forbidden):
        opened(house, actor=cashier)
    with pytest.raises(Forbidden):
        accounts.publish_routing(rules=[], effective_from=JULY, actor=cashier)


@pytest.mark.django_db(transaction=True)
def test_tables_published_at_once_are_numbered_one_after_the_other(house: House) -> None:
    days = [dt.date(2026, 7, day) for day in (1, 2, 3)]
    at_once(*(lambda day=day: accounts.publish_routing(rules=[], effective_from=day, actor=house.me) for day in days))
    numbers = RoutingTable.objects.order_by("number").values_list("number", flat=True)
    assert list(numbers) == [1, 2, 3, 4]
