"""Eight workers woken for one delivery: the receiver hears it once."""

from __future__ import annotations

from typing import Any

import pytest

from coverpay.webhooks import endpoints, relay
from coverpay.webhooks.models import Delivery, DeliveryTry
from tests.coverpay.test_webhook_relay import bound
from tests.support import world
from tests.support.database import at_once
from tests.support.receiver import receiving


@pytest.mark.django_db(transaction=True)
def test_one_delivery_taken_up_by_eight_workers_is_sent_once(settings: Any) -> None:
    settings.WEBHOOKS_ALLOW_PRIVATE_TARGETS = True
    org = world.organization()
    with receiving() as receiver:
        endpoints.create(url=receiver.url, actor=world.actor(org))
        bound(org=org, actor=world.TESTER)
        delivery_id = Delivery.objects.get().id
        answers = at_once(*[lambda: relay.deliver(delivery_id)] * 8)
    assert sum(isinstance(answer, Delivery) for answer in answers) == 1
    assert [answer for answer in answers if isinstance(answer, Exception)] == []
    assert (len(receiver.received), DeliveryTry.objects.count()) == (1, 1)
