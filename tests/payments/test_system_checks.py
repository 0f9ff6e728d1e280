"""An installation does not start with a processor account that could not verify what it hears."""

from __future__ import annotations

import base64
import secrets
from typing import Any

import pytest
from django.core import checks
from django.core.management import call_command
from django.core.management.base import SystemCheckError

from compliance import vault
from coverpay import celery
from payments import accounts, system_checks
from payments.models import GatewayAccount
from tests.support import bank, world

pytestmark = pytest.mark.django_db(transaction=True)


def account(gateway: str = "sandbox", **facts: Any) -> GatewayAccount:
    organization = world.organization()
    actor = world.actor(organization)
    return accounts.open_account(
        gateway=gateway, merchant="m1", bank_account_id=bank.account(organization).id, actor=actor, **facts
    )


def stripe() -> GatewayAccount:
    return account("stripe", credentials={"secret_key": "sk_test_1"}, webhook_secret="whsec_1")


def found() -> list[str | None]:
    return [problem.id for problem in system_checks.gateway_accounts(databases=["default"])]


def without_secret(row: GatewayAccount, secret: str) -> None:
    GatewayAccount.objects.filter(pk=row.pk).update(webhook_secret_sealed=vault.seal(secret, row_id=row.pk))


def test_accounts_as_they_should_be_start() -> None:
    account()
    stripe()
    assert found() == []
    system_checks.refuse_bad_start()


@pytest.mark.parametrize("secret", ["", "whsec_", "  "])
def test_an_account_without_a_webhook_secret_refuses_to_start(secret: str) -> None:
    without_secret(stripe(), secret)
    assert found() == [system_checks.NO_SECRET]
    with pytest.raises(SystemCheckError, match="no webhook secret"):
        system_checks.refuse_bad_start()
    with pytest.raises(SystemCheckError, match="no webhook secret"):
        call_command("check", databases=["default"])


def test_an_account_whose_key_is_gone_refuses_to_start(settings: Any) -> None:
    stripe()
    settings.VAULT_KEYS = [base64.urlsafe_b64encode(secrets.token_bytes(32)).decode()]
    assert found() == [system_checks.CANNOT_OPEN]


def test_sealed_keys_of_another_row_refuse_to_start() -> None:
    row = stripe()
    GatewayAccount.objects.filter(pk=row.pk).update(credentials_sealed=vault.seal("{}", row_id="gwa_other"))
    assert found() == [system_checks.CANNOT_OPEN]


def test_an_account_without_a_credential_its_gateway_needs_refuses_to_start() -> None:
    row = stripe()
    GatewayAccount.objects.filter(pk=row.pk).update(credentials_sealed=vault.seal("{}", row_id=row.pk))
    (problem,) = system_checks.gateway_accounts(databases=["default"])
    assert problem.id == system_checks.CANNOT_OPEN and "no secret_key" in problem.msg


def test_an_account_of_a_gateway_that_is_switched_off_is_left_alone(settings: Any) -> None:
    without_secret(account(), "")
    settings.SANDBOX_ENABLED = False
    assert found() == []


def test_the_check_waits_for_a_database() -> None:
    without_secret(account(), "")
    assert system_checks.gateway_accounts(databases=None) == []
    assert not [problem for problem in checks.run_checks() if problem.id == system_checks.NO_SECRET]


def test_a_worker_ends_before_it_begins() -> None:
    without_secret(stripe(), "")
    with pytest.raises(SystemExit, match="no webhook secret"):
        celery.RefuseBadStart(object())
