"""Rotating the vault's keys: every sealed column anew, in chunks, wherever it was stopped, and twice is harmless."""

from __future__ import annotations

import base64
import hashlib
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from hypothesis import given
from hypothesis import strategies as st

from compliance import vault
from compliance.models import AuditEntry
from coverpay import vault_keys
from coverpay.kernel import clock
from coverpay.webhooks.models import Endpoint
from payments import accounts, methods
from payments.models import AchFile, AchNews, GatewayAccount, PaymentMethod
from tests.support import books, paying, world
from tests.support.books import House

pytestmark = pytest.mark.django_db
NEW = base64.b64encode(b"n" * 32).decode()
NEWER = base64.b64encode(b"o" * 32).decode()


def rotated(**options: Any) -> str:
    out = StringIO()
    call_command("rotate_keys", stdout=out, **options)
    return out.getvalue()


def sealed(house: House) -> list[PaymentMethod]:
    """Three sealed numbers, the secrets of accounts, a webhook endpoint, a file and a record of one."""
    made = [
        paying.bank_account(house, books.bound(house).insured, account_number=f"000123450{number}") for number in "123"
    ]
    paying.ach_account(house)
    made_by = world.api(house.operator).post(
        "webhook-endpoints", {"url": "https://93.184.215.14/hook", "event_types": []}
    )
    assert made_by.status_code == 201, made_by.content
    account = GatewayAccount.objects.get(gateway="nacha")
    file = AchFile(organization=house.operator, account=account, direction="in", kind="returns", name="r", state="read")
    file.content_sealed = vault.seal("101 the file", row_id=file.id)
    file.content_hash, file.file_date = hashlib.sha256(b"101").hexdigest(), clock.today()
    file.save()
    news = AchNews(file=file, line=1, state="quarantined")
    news.record_sealed = vault.seal("6 the record", row_id=news.id)
    news.save()
    return made


def test_every_sealed_column_of_every_table_is_known() -> None:
    names = {str(column) for column in vault_keys.columns()}
    assert names >= {
        "payments_paymentmethod.account_sealed", "payments_gatewayaccount.webhook_secret_sealed",
        "payments_gatewayaccount.credentials_sealed", "payments_achfile.content_sealed",
        "payments_achnews.record_sealed", "payments_accountvalidation.amounts_sealed",
        "webhooks_endpoint.secret_sealed", "webhooks_endpoint.previous_secret_sealed",
        "api_idempotentrequest.body_sealed",
    }  # fmt: skip


def test_the_newest_key_seals_everything_and_older_ones_can_go(house: House, settings: Any) -> None:
    made = sealed(house)
    secret = accounts.webhook_secret(house.account)
    settings.VAULT_KEYS = [NEW, *settings.VAULT_KEYS]
    assert "older keys can be taken off" in rotated(chunk=2)
    settings.VAULT_KEYS = [NEW]
    for method, number in zip(made, "123", strict=True):
        method.refresh_from_db()
        assert methods.account_number(method) == f"000123450{number}"
    assert accounts.webhook_secret(GatewayAccount.objects.get(pk=house.account.pk)) == secret
    file, news, endpoint = AchFile.objects.get(), AchNews.objects.get(), Endpoint.objects.get()
    assert vault.open_sealed(file.content_sealed, row_id=file.id) == "101 the file"
    assert vault.open_sealed(news.record_sealed, row_id=news.id) == "6 the record"
    assert vault.open_sealed(endpoint.secret_sealed, row_id=endpoint.id).startswith("whsec_")


def test_twice_is_harmless_and_the_audit_holds_counts_only(house: House, settings: Any) -> None:
    sealed(house)
    settings.VAULT_KEYS = [NEW, *settings.VAULT_KEYS]
    rotated()
    before = list(PaymentMethod.objects.values_list("account_sealed", flat=True))
    audited = AuditEntry.objects.filter(action="vault.rotate").count()
    rotated()
    assert list(PaymentMethod.objects.values_list("account_sealed", flat=True)) == before
    entries = AuditEntry.objects.filter(action="vault.rotate")
    assert entries.count() == audited
    about = entries.get(object_id="payments_paymentmethod.account_sealed")
    assert about.after == {"column": "payments_paymentmethod.account_sealed", "sealed": 3, "broken": []}


class Killed(BaseException):
    """What ends a process in the middle of its work."""


def test_a_rotation_that_was_stopped_goes_on_where_it_was(
    house: House, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = sealed(house)
    settings.VAULT_KEYS = [NEW, *settings.VAULT_KEYS]
    column = vault_keys.Column(PaymentMethod, "account_sealed")

    def stop(progress: vault_keys.Progress) -> None:
        if progress.column == column and progress.sealed == 2:
            raise Killed

    with pytest.raises(Killed):
        vault_keys.rotate(stop, chunk=1)
    assert vault_keys.waiting(column).count() == 1
    for method in made:
        method.refresh_from_db()
        assert methods.account_number(method).startswith("00012345")
    found = {progress.column: progress.sealed for progress in vault_keys.rotate()}
    assert (found[column], vault_keys.waiting(column).count()) == (1, 0)


def test_a_row_that_no_key_opens_is_named_and_the_others_go_on(house: House, settings: Any) -> None:
    first, second, third = sealed(house)
    PaymentMethod.objects.filter(pk=second.pk).update(account_sealed=first.account_sealed)  # moved to another row
    second.refresh_from_db()
    with pytest.raises(vault.CannotOpen):
        methods.account_number(second)
    settings.VAULT_KEYS = [NEW, *settings.VAULT_KEYS]
    with pytest.raises(CommandError, match=second.id):
        rotated(chunk=1)
    third.refresh_from_db()
    settings.VAULT_KEYS = [NEW]
    assert methods.account_number(third) == "0001234503"


def test_fingerprints_are_made_anew_with_their_key(house: House, settings: Any) -> None:
    made = sealed(house)
    settings.FINGERPRINT_KEY = "another"
    assert "3 anew" in " ".join(rotated(fingerprints=True).split())
    assert paying.bank_account(house, made[0].party, account_number="0001234501").id == made[0].id
    assert "0 anew" in " ".join(rotated(fingerprints=True).split())


@given(st.text(max_size=200), st.text("abcxyz_0123456789", min_size=1, max_size=40), st.integers(0, 10**6))
def test_a_sealed_text_opens_for_its_row_only_and_not_when_a_character_changed(
    plain: str, row: str, place: int
) -> None:
    one = vault.seal(plain.encode("utf-8", "replace").decode(), row_id=row)
    assert vault.open_sealed(one, row_id=row) == plain.encode("utf-8", "replace").decode()
    with pytest.raises(vault.CannotOpen):
        vault.open_sealed(one, row_id=row + "x")
    packed = one.split(".")[2].rstrip("=")
    at = place % (len(packed) - 1)  # the last character may hold bits that mean nothing
    changed = packed[:at] + ("A" if packed[at] != "A" else "B") + packed[at + 1 :]
    with pytest.raises(vault.CannotOpen):
        vault.open_sealed(".".join([*one.split(".")[:2], changed + "=" * (-len(changed) % 4)]), row_id=row)
