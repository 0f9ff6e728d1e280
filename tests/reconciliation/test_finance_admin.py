"""The finance admin reads the bank side and the books, within the person's organization, and writes nothing."""

from __future__ import annotations

import pytest
from django.contrib import admin
from django.test import Client
from django.urls import reverse

from compliance.models import Organization
from reconciliation import matches
from reconciliation.imports import import_statement
from reconciliation.models import Account, BankAccount, Break, Entry, Match, Statement, StatementImport, StatementLine
from tests.support import bank, world

pytestmark = pytest.mark.django_db
MODELS = (Account, BankAccount, Break, Entry, Match, Statement, StatementImport, StatementLine)


def _staff(of: Organization, role: str = "finance") -> Client:
    user = world.member(of, role)
    user.is_staff = True
    user.save()
    return world.pages(user)


@pytest.fixture
def mga() -> Organization:
    mga = world.organization()
    account = bank.account(mga)
    bank.received(account, 100, "R1")
    content = bank.statement(bank.line(100, "R1"), bank.line(7))
    import_statement(content=content, file_name="day.bai", actor=bank.acting(mga))
    matches.run_matching(bank_account_id=account.id, actor=bank.acting(mga))
    return mga


def _urls(name: str, *args: str) -> list[str]:
    return [reverse(f"admin:reconciliation_{model._meta.model_name}_{name}", args=args) for model in MODELS]


def test_every_row_can_be_read_by_finance(mga: Organization) -> None:
    staff = _staff(mga)
    for model, url in zip(MODELS, _urls("changelist"), strict=True):
        assert model.objects.exists()
        assert staff.get(url).status_code == 200
        row = model.objects.first()
        page = staff.get(reverse(f"admin:reconciliation_{model._meta.model_name}_change", args=[row.pk]))
        assert page.status_code == 200
        assert "_save" not in page.content.decode()


def test_nothing_can_be_added_changed_or_deleted(mga: Organization) -> None:
    staff = _staff(mga, "admin")
    for model, url in zip(MODELS, _urls("add"), strict=True):
        assert staff.post(url, {}).status_code == 403
        row = model.objects.first()
        for verb in ("change", "delete"):
            address = reverse(f"admin:reconciliation_{model._meta.model_name}_{verb}", args=[row.pk])
            assert staff.post(address, {"post": "yes"}).status_code == 403


def test_rows_of_another_organization_are_not_there(mga: Organization) -> None:
    stranger, viewer = _staff(world.organization()), _staff(mga, "viewer")
    for model, url in zip(MODELS, _urls("changelist"), strict=True):
        row = model.objects.first()
        assert list(stranger.get(url).context["cl"].result_list) == []
        change = reverse(f"admin:reconciliation_{model._meta.model_name}_change", args=[row.pk])
        assert stranger.get(change).status_code == 302
        assert viewer.get(url).status_code == 403


def test_who_is_not_staff_gets_no_admin(mga: Organization) -> None:
    client = world.pages(world.member(mga, "finance"))
    assert [client.get(url).status_code for url in _urls("changelist")] == [302] * len(MODELS)
    assert set(MODELS) <= set(admin.site._registry)
