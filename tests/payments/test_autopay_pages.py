"""Autopay on the policy's page: enrolled, refused, ended."""

from __future__ import annotations

from typing import Any

import pytest
from django.urls import reverse

from payments.models import Autopay
from tests.support import books, world
from tests.support.books import House
from tests.support.html import read

pytestmark = pytest.mark.django_db


def client_of(house: House, role: str = "admin") -> Any:
    return world.pages(world.member(house.operator, role))


def test_autopay_is_enrolled_and_ended_from_the_policy(house: House) -> None:
    policy, client = books.bound(house), client_of(house)
    assert "Not enrolled" in read(client.get(reverse("policy", args=[policy.id]))).text
    page = read(
        client.post(reverse("payments:autopay", args=[policy.id]), {"method": "ach", "token": "tok_ok"}, follow=True)
    )
    assert "Autopay is enrolled." in page.text and "ACH, since" in page.text
    end = reverse("payments:end-autopay", args=[policy.id])
    assert "Autopay is ended." in read(client.post(end, {"reason": "They pay by check"}, follow=True)).text
    assert Autopay.objects.get().ended_at is not None
    refused = client.post(end, {"reason": "Again"})
    assert refused.status_code == 422 and "No method is enrolled." in read(refused).text


def test_a_card_number_is_refused_by_the_name_of_its_field_and_not_shown_again(house: House) -> None:
    policy, client = books.bound(house), client_of(house)
    answer = client.post(reverse("payments:autopay", args=[policy.id]), {"method": "card", "token": "4111111111111111"})
    assert answer.status_code == 422 and "sent as token looks like a card number" in read(answer).text
    assert "4111111111111111" not in answer.content.decode()


@pytest.mark.parametrize("name", ["autopay", "end-autopay"])
def test_who_may_not_collect_is_refused_and_strangers_find_nothing(house: House, name: str) -> None:
    url = reverse(f"payments:{name}", args=[books.bound(house).id])
    assert client_of(house, "viewer").get(url).status_code == 403
    assert world.pages(world.member(world.organization())).get(url).status_code == 404
