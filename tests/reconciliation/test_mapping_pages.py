"""Account mappings in the back office: one row an account, versions kept, single owners not lost."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from coverpay.kernel import clock
from reconciliation import exports
from reconciliation.models import AccountMapping
from tests.support import books, world
from tests.support.books import House

pytestmark = pytest.mark.django_db
PUBLISH = "/exports/mappings/publish/"


@pytest.fixture
def staff(house: House) -> Client:
    books.paid(house, books.billed(house))
    return world.pages(world.member(house.operator, "finance"))


def typed(staff: Client, **changes: str) -> dict[str, str]:
    """What the form holds, every account with a number, and what is typed over it."""
    form = staff.get(PUBLISH).context["form"]
    said = {name: f"{name} there" for name in form.fields if name.endswith(("_number", "_name"))}
    return {**said, "system": "books-online", "effective_from": "2026-01-01", **changes}


def test_a_mapping_of_every_account_in_use_is_typed_and_the_next_batch_uses_it(house: House, staff: Client) -> None:
    answer = staff.post(PUBLISH, typed(staff), follow=True)
    assert "books-online v1 is published." in answer.content.decode()
    mapping = AccountMapping.objects.get()
    assert mapping.spec["accounts"]["premium_payable"]["number"] == "premium_payable_number there"
    made = exports.build(system="books-online", format="csv", from_on=books.SINCE, to_on=clock.today(), actor=house.me)
    assert made.mapping == mapping


def test_the_next_version_begins_with_the_one_in_force_and_keeps_owners_and_dimensions(
    house: House, staff: Client
) -> None:
    spec: dict[str, Any] = {
        "journal": "GJ",
        "accounts": {
            "premium_payable": {"number": "2100", "name": "Carriers", "dimensions": {"class": "trust"}},
            f"premium_payable:{house.carrier.id}": {"number": "2101", "name": "Tradewind"},
        },
    }
    exports.publish_mapping(system="books-online", spec=spec, effective_from=books.SINCE, actor=house.me)
    form = staff.get(f"{PUBLISH}?system=books-online").context["form"]
    assert form["premium_payable_number"].value() == "2100"
    staff.post(PUBLISH, typed(staff, premium_payable_number="2200", premium_payable_name="Carriers"))
    second = AccountMapping.objects.get(number=2).spec
    assert second["journal"] == "GJ"
    assert second["accounts"]["premium_payable"] == {
        "number": "2200", "name": "Carriers", "dimensions": {"class": "trust"},
    }  # fmt: skip
    assert second["accounts"][f"premium_payable:{house.carrier.id}"]["number"] == "2101"


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"system": "Books Online"}, "system"),
        ({"premium_payable_name": ""}, "premium_payable_name"),
        ({"effective_from": "soon"}, "effective_from"),
    ],
)
def test_what_cannot_be_is_said_at_its_box_and_nothing_is_published(
    staff: Client, changes: dict[str, str], field: str
) -> None:
    answer = staff.post(PUBLISH, typed(staff, **changes))
    assert answer.status_code == 422
    assert field in answer.context["form"].errors
    assert not AccountMapping.objects.exists()


def test_a_viewer_sees_versions_and_no_button(house: House, staff: Client) -> None:
    staff.post(PUBLISH, typed(staff))
    reader = world.pages(world.member(house.operator, "compliance"))
    shown = reader.get("/exports/mappings/").content.decode()
    assert "books-online v1" in shown
    assert "New mapping" not in shown
    stranger = world.pages(world.member(world.organization("mga"), "admin"))
    assert "books-online" not in stranger.get("/exports/mappings/").content.decode()
