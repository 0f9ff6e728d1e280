"""The finance admin: read-only on money, one organization's rows only, people edited by superusers and audited."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from django.contrib import admin
from django.db import connection
from django.http import HttpRequest
from django.test import Client, RequestFactory
from django.urls import reverse

from compliance.access import Access
from compliance.models import AuditEntry, Membership, User
from compliance.scoped_admin import EditedBySuperusers, ScopedReadOnly
from coverpay.kernel import clock
from payments.gateways.sandbox import Sandbox
from reconciliation.ledger import balances
from tests.support import seeded, world
from tests.support.seeded import Seeded

pytestmark = pytest.mark.django_db
SITE = admin.site._registry
SCOPED = sorted(
    (model for model, entry in SITE.items() if isinstance(entry, ScopedReadOnly)), key=lambda model: model._meta.label
)


def staff(of: Any, role: str = "admin") -> User:
    user = world.member(of, role)
    user.is_staff = True
    user.save()
    return user


def url(model: type, page: str, *args: Any) -> str:
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_{page}", args=args)


@pytest.fixture
def book(still: object, sandbox: Sandbox) -> Seeded:
    made = seeded.everything(sandbox)
    connection.check_constraints()  # what commits would have checked, before the seal
    balances.seal(book_id=made.house.book_id, as_of=clock.today() - dt.timedelta(days=1), actor=made.house.me)
    return made


def test_every_scoped_table_is_in_the_admin() -> None:
    from django.apps import apps

    scoped = {model for model in apps.get_models() if isinstance(getattr(model, "ACCESS", None), Access)}
    assert scoped - set(SITE) == set()
    loose = [entry for entry in SITE.values() if not isinstance(entry, ScopedReadOnly | EditedBySuperusers)]
    assert loose == []


def test_the_administrator_of_an_organization_sees_its_rows_and_the_page_of_each(book: Seeded) -> None:
    client = world.pages(staff(book.ours))
    for model in SCOPED:
        row = book.one(model)
        by_id = {"q": row.pk} if "=id" in SITE[model].search_fields else {}
        listed = client.get(url(model, "changelist"), by_id)
        assert listed.status_code == 200, model
        assert str(row.pk) in listed.content.decode(), model
        assert client.get(url(model, "change", row.pk)).status_code == 200, model


def test_a_stranger_sees_none_of_them(book: Seeded) -> None:
    client = world.pages(staff(world.organization()))
    for model in SCOPED:
        row = book.one(model)
        if model._meta.model_name != "line" and model._meta.model_name != "account":
            assert str(row.pk) not in client.get(url(model, "changelist")).content.decode(), model
        assert client.get(url(model, "change", row.pk)).status_code == 302, model


def test_nobody_writes_money_not_even_a_superuser(book: Seeded) -> None:
    root = User.objects.create_superuser("root@example.org", world.PASSWORD)
    client = world.pages(root)
    for model in SCOPED:
        row = book.one(model)
        assert client.get(url(model, "add")).status_code == 403, model
        assert client.post(url(model, "change", row.pk), {}).status_code == 403, model
        assert client.post(url(model, "delete", row.pk), {"post": "yes"}).status_code == 403, model
        assert client.get(url(model, "changelist")).status_code == 200, model


def test_a_role_without_the_permission_and_a_person_who_is_not_staff_are_kept_out(book: Seeded) -> None:
    from reconciliation.ledger.models import Entry

    assert world.pages(staff(book.ours, "cash")).get(url(Entry, "changelist")).status_code == 403
    assert world.pages(world.member(book.ours)).get(url(Entry, "changelist")).status_code == 302
    assert Client().get(reverse("admin:index")).status_code == 302


def test_secrets_are_on_no_page(book: Seeded) -> None:
    from compliance.models import ApiKey
    from coverpay.webhooks.models import Endpoint
    from payments.models import GatewayAccount, Payment

    client = world.pages(staff(book.ours))
    for model, secret in (
        (ApiKey, "secret_sha256"),
        (Endpoint, "secret_sealed"),
        (GatewayAccount, "webhook_secret_sealed"),
        (Payment, "token"),
    ):
        row = book.one(model)
        page = client.get(url(model, "change", row.pk)).content.decode()
        assert getattr(row, secret) not in page, model


def test_no_filter_lists_rows_of_other_tables() -> None:
    request: HttpRequest = RequestFactory().get("/")
    for model in SCOPED:
        for name in SITE[model].get_list_filter(request):
            assert not model._meta.get_field(name).is_relation, f"{model.__name__} filters by {name}"


def test_a_superuser_edits_people_and_each_change_is_audited() -> None:
    org = world.organization()
    root = User.objects.create_superuser("root@example.org", world.PASSWORD)
    client = world.pages(root)
    made = client.post(
        url(User, "add"),
        {"email": "new@example.org", "name": "New", "password1": world.PASSWORD, "password2": world.PASSWORD},
    )
    new = User.objects.get(email="new@example.org")
    assert made.status_code == 302 and new.check_password(world.PASSWORD)
    client.post(url(Membership, "add"), {"user": new.id, "organization": org.id, "role": "cash"})
    member = Membership.objects.get(user=new)
    client.post(url(Membership, "change", member.id), {"user": new.id, "organization": org.id, "role": "finance"})
    entries = AuditEntry.objects.filter(object_id__in=[new.id, member.id]).order_by("id")
    assert [(entry.action, entry.actor_id) for entry in entries] == [
        ("user.create", root.id),
        ("membership.create", root.id),
        ("membership.change", root.id),
    ]
    assert entries[2].after["role"] == "finance"


def test_a_password_set_by_a_superuser_is_audited_without_it() -> None:
    root = User.objects.create_superuser("root@example.org", world.PASSWORD)
    other = User.objects.create_user("other@example.org", "something long and old")
    secret = "a new and long passphrase"
    answer = world.pages(root).post(
        reverse("admin:auth_user_password_change", args=[other.id]),
        {"password1": secret, "password2": secret, "usable_password": "true"},
    )
    other.refresh_from_db()
    entry = AuditEntry.objects.get(object_id=other.id)
    assert answer.status_code == 302 and other.check_password(secret)
    assert entry.action == "user.change" and secret not in str(entry.after)


def test_staff_without_superuser_do_not_reach_people() -> None:
    org = world.organization()
    client = world.pages(staff(org))
    assert client.get(url(User, "changelist")).status_code == 403
    assert client.get(url(Membership, "add")).status_code == 403
