"""The signed link that ends messages: a look changes nothing, a click does, and nobody else's address is touched."""

from __future__ import annotations

import pytest
from django.test import Client

from compliance.models import AuditEntry
from coverpay.kernel.errors import Forbidden, Invalid, NotFound
from payments import opt_outs
from payments.models import OptOut
from tests.support import world
from tests.support.books import House

pytestmark = pytest.mark.django_db


def path(house: House, kind: str = "recovery") -> str:
    return opt_outs.link(house.operator.id, "Leilani@Example.org", kind).partition("8000")[2]


def test_looking_changes_nothing_and_a_click_ends_the_messages_of_that_kind(house: House) -> None:
    client = Client(enforce_csrf_checks=True)  # mail programs post without a cookie
    page = client.get(path(house))
    assert page.status_code == 200 and "leilani@example.org" in page.content.decode()
    assert not OptOut.objects.exists()
    assert client.post(path(house), {"List-Unsubscribe": "One-Click"}).status_code == 200
    assert client.post(path(house)).status_code == 200
    assert opt_outs.wants_none(house.operator.id, "LEILANI@example.org", "recovery")
    assert not opt_outs.wants_none(house.operator.id, "leilani@example.org", "receipts")
    assert not opt_outs.wants_none(house.carrier.id, "leilani@example.org", "recovery")
    assert AuditEntry.objects.filter(action="opt_out.recorded").count() == 1


def test_who_changes_their_mind_gets_them_again(house: House) -> None:
    client = Client()
    client.post(path(house))
    client.post(path(house), {"again": "yes"})
    assert not opt_outs.wants_none(house.operator.id, "leilani@example.org", "recovery")
    client.post(path(house))
    assert OptOut.objects.count() == 2


def test_a_changed_link_does_nothing(house: House) -> None:
    for token in (path(house)[:-3] + "x/", "/messages/unsubscribe/abc/"):
        assert Client().post(token).status_code == 404
    assert not OptOut.objects.exists()


def test_no_kind_means_every_kind(house: House) -> None:
    opt_outs.opt_out(organization_id=house.operator.id, address="a@b.example", kind="", actor=house.me)
    assert opt_outs.wants_none(house.operator.id, "a@b.example", "receipts")


def test_staff_write_only_in_their_own_organization_and_with_leave(house: House) -> None:
    asked = {"organization_id": house.operator.id, "address": "a@b.example", "kind": ""}
    with pytest.raises(NotFound):
        opt_outs.opt_out(**asked, actor=world.actor(house.carrier))
    with pytest.raises(Forbidden):
        opt_outs.opt_out(**asked, actor=world.actor(house.operator, "viewer"))
    with pytest.raises(Invalid):
        opt_outs.opt_out(**{**asked, "kind": "letters"}, actor=house.me)
    with pytest.raises(Invalid):
        opt_outs.opt_out(**{**asked, "address": "nobody"}, actor=house.me)
