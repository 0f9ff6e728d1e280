"""Opening, changing and closing processor accounts: what a gateway asks for has to be there, and keys stay sealed."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from compliance.models import AuditEntry
from compliance.permissions import Permission
from coverpay.kernel.actors import Actor
from coverpay.kernel.errors import DomainError, Forbidden
from coverpay.kernel.money import Money
from payments import accounts
from payments.gateways import registry
from payments.models import GatewayAccount
from payments.routing import NoRoute
from tests.support.books import House

pytestmark = pytest.mark.django_db
KEYS = {"api_key": "sk_test_123"}
SETTINGS = {"base_url": "https://api.example.com", "api_version": "2024-06-20"}


@pytest.fixture(autouse=True)
def processor(monkeypatch: pytest.MonkeyPatch) -> None:
    """A gateway that wants keys, an address and the processor's own webhook secret."""
    wanting = dataclasses.replace(
        registry.entry("sandbox"),
        credentials=("api_key",),
        settings=("base_url",),
        optional=("api_version",),
        makes_secret=False,
    )
    monkeypatch.setitem(registry._GATEWAYS, "wanting", wanting)


def opened(house: House, **changes: Any) -> GatewayAccount:
    asked = {
        "gateway": "wanting",
        "merchant": "acct_1",
        "bank_account_id": house.bank.id,
        "credentials": KEYS,
        "settings": SETTINGS,
        "webhook_secret": "whsec_theirs",
        "actor": house.me,
    }
    return accounts.open_account(**{**asked, **changes})


def test_keys_are_sealed_for_the_row_and_told_to_no_audit(house: House) -> None:
    account = opened(house)
    assert accounts.connection_of(account).credentials == KEYS
    assert accounts.connection_of(account).settings == SETTINGS
    assert accounts.webhook_secret(account) == "whsec_theirs"
    told = str(AuditEntry.objects.get(action="gateway_account.open", object_id=account.id).after)
    assert "api_key" in told
    assert "sk_test" not in told + account.credentials_sealed
    assert "theirs" not in told


@pytest.mark.parametrize(
    ("changes", "field", "key"),
    [
        ({"credentials": {}}, "credentials", "api_key"),
        ({"credentials": {"api_key": "  "}}, "credentials", "api_key"),
        ({"credentials": {**KEYS, "other": "x"}}, "credentials", "other"),
        ({"credentials": {"api_key": "x" * 4001}}, "credentials", "api_key"),
        ({"settings": {}}, "settings", "base_url"),
        ({"settings": {**SETTINGS, "colour": "red"}}, "settings", "colour"),
        ({"settings": {**SETTINGS, "api_version": ["x"]}}, "settings", "api_version"),
        ({"settings": {**SETTINGS, "cost_ppm": -1}}, "settings", "cost_ppm"),
        ({"settings": {**SETTINGS, "cost_fixed_minor": "30"}}, "settings", "cost_fixed_minor"),
        ({"webhook_secret": ""}, "webhook_secret", None),
    ],
)
def test_what_is_missing_or_not_known_is_refused_by_name(
    house: House, changes: dict[str, Any], field: str, key: str | None
) -> None:
    with pytest.raises(DomainError) as refused:
        opened(house, **changes)
    assert (refused.value.field, refused.value.extra.get("key")) == (field, key)


@pytest.mark.parametrize(
    ("address", "good"),
    [
        ("https://api.example.com/v1", True),
        ("http://127.0.0.1:8099", True),
        ("http://localhost:8099/x", True),
        ("http://[::1]:8099", True),
        ("http://api.example.com", False),
        ("http://10.0.0.1", False),
        ("ftp://127.0.0.1", False),
        ("https://user@api.example.com", False),
        ("https://api.example.com:port", False),
        ("https://", False),
        (True, False),
    ],
)
def test_keys_go_by_https_or_to_this_machine_only(house: House, address: Any, good: bool) -> None:
    if good:
        assert opened(house, settings={"base_url": address}).settings == {"base_url": address}
        return
    with pytest.raises(DomainError) as refused:
        opened(house, settings={"base_url": address})
    assert refused.value.extra["key"] == "base_url"


def test_keys_and_secret_are_changed_and_the_old_ones_forgotten(house: House) -> None:
    account = opened(house)
    accounts.change_credentials(account_id=account.id, credentials={"api_key": "sk_new"}, actor=house.me)
    account = accounts.change_credentials(account_id=account.id, webhook_secret="whsec_new", actor=house.me)
    assert accounts.connection_of(account).credentials == {"api_key": "sk_new"}
    assert accounts.webhook_secret(account) == "whsec_new"
    told = AuditEntry.objects.filter(action="gateway_account.change_credentials").order_by("id")
    assert [entry.after for entry in told] == [{"changed": ["api_key"]}, {"changed": ["webhook_secret"]}]
    with pytest.raises(DomainError, match="Say which"):
        accounts.change_credentials(account_id=account.id, actor=house.me)


def test_costs_of_an_account_decide_what_is_cheapest(house: House) -> None:
    opened(house)
    rules = [{"to": {"cheapest": ["sandbox", "wanting"]}}]
    accounts.publish_routing(rules=rules, effective_from=house.account.created_at.date(), actor=house.me)
    assert accounts.route(house.operator.id, "card", Money(10_000)).account_id == house.account.id
    other = GatewayAccount.objects.get(gateway="wanting")
    cheap = {**SETTINGS, "cost_ppm": 10_000, "cost_fixed_minor": 0}
    accounts.change_settings(account_id=other.id, settings=cheap, actor=house.me)
    decision = accounts.route(house.operator.id, "card", Money(10_000))
    assert (decision.account_id, decision.cost_minor) == (other.id, 100)


def test_a_closed_account_takes_no_new_payment_and_is_changed_no_more(house: House) -> None:
    accounts.close_account(account_id=house.account.id, reason="Another processor", actor=house.me)
    with pytest.raises(NoRoute):
        accounts.route(house.operator.id, "card", Money(10_000))
    with pytest.raises(accounts.AccountClosed):
        accounts.close_account(account_id=house.account.id, reason="Again", actor=house.me)
    with pytest.raises(accounts.AccountClosed):
        accounts.change_settings(account_id=house.account.id, settings={}, actor=house.me)
    assert AuditEntry.objects.get(action="gateway_account.close").reason == "Another processor"


def test_changes_take_the_permission(house: House) -> None:
    cashier = Actor("user", "u", house.operator.id, frozenset({Permission.PAYMENTS_WRITE}))
    asked: list[tuple[Any, dict[str, Any]]] = [
        (accounts.close_account, {"reason": "x"}),
        (accounts.change_settings, {"settings": {}}),
        (accounts.change_credentials, {"webhook_secret": "x"}),
    ]
    for change, given in asked:
        with pytest.raises(Forbidden):
            change(account_id=house.account.id, actor=cashier, **given)
