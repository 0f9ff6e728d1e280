"""A payor's browser: opens a link or looks a bill up, and goes through the pages as a person would."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.core.cache import cache
from django.http import HttpResponse
from django.test import Client
from django.urls import reverse

from payments import attempts, pay_links
from payments.models import PayLink, Payment
from tests.support.books import House


class Payor:
    """One browser of one payor."""

    def __init__(self, address: str = "192.0.2.7") -> None:
        self.client = Client(REMOTE_ADDR=address, raise_request_exception=True)
        self.link_id = ""

    def opens(self, url: str) -> HttpResponse:
        answer = self.client.get("/pay/" + url.partition("/pay/")[2])
        if answer.status_code == 302:
            self.link_id = answer["Location"].split("/")[3]
        return answer

    def sees(self, page: str = "choose") -> HttpResponse:
        return self.client.get(reverse(f"pay:{page}", args=[self.link_id]))

    def chooses(self, bills: list[str], way: str = "card", **typed: Any) -> HttpResponse:
        said = {"bills": bills, "way": way, "card_token": "tok_ok", "ach_token": "tok_out_of_order", **typed}
        return self.client.post(reverse("pay:choose", args=[self.link_id]), said)

    def shown(self) -> str:
        """What the review page says is confirmed, ready to be sent back."""
        return str(self.sees("review").context["mark"])

    def confirms(self, shown: str = "", **more: str) -> HttpResponse:
        shown = shown or self.shown()
        return self.client.post(reverse("pay:review", args=[self.link_id]), {"shown": shown, **more})


@pytest.fixture
def waits_end() -> Iterator[None]:
    """Forget the waits of this test: the cache is no table that is emptied between tests."""
    yield
    cache.clear()


def linked(house: House, **about: Any) -> tuple[Payor, PayLink]:
    """A payor who opened a new link about something."""
    link, url = pay_links.create(actor=house.me, **about)
    payor = Payor()
    payor.opens(url)
    return payor, link


def work() -> None:
    """Do what a worker does: send every planned attempt."""
    for payment in Payment.objects.filter(state=Payment.State.PROCESSING):
        for attempt in payment.attempts.filter(state="planned"):
            attempts.submit(attempt.id)
