"""Kill a worker, empty the broker, restart the database in the middle of a payment: one charge, books that tie."""

from __future__ import annotations

from typing import Any

import pytest

from coverpay.demo.client import wait_for
from coverpay.demo.receiver import Receiver
from tests.support.story import Story

pytestmark = pytest.mark.xdist_group("stack")


def ends_well(story: Story, receiver: Receiver, payment: dict[str, Any]) -> None:
    """One charge at the processor, a paid invoice, books that tie, and the webhook that says so."""
    settled = story.settled(payment)
    assert settled["state"] == "succeeded"
    assert [charge["status"] for charge in story.taken(settled)] == ["succeeded"]
    invoice = story.api.get(f"invoices/{payment['invoice']}")
    assert (invoice["state"], invoice["open_minor"]) == ("paid", 0)
    checked = story.check_books()
    assert checked.returncode == 0, checked.stdout + checked.stderr
    wait_for("the webhook", lambda: _told(receiver, payment))


def _told(receiver: Receiver, payment: dict[str, Any]) -> bool:
    return any(message.data["payment"] == payment["id"] for message in receiver.of_type("payment.succeeded"))


def test_a_worker_killed_between_the_charge_and_its_recording_charges_once(story: Story) -> None:
    with Receiver() as receiver:
        story.listen(receiver)
        payment = story.pay(story.invoice("KILL-1"), "tok_slow")
        wait_for("the money to be taken", lambda: story.taken(payment))
        story.stack.worker.kill9()
        assert story.api.get(f"payments/{payment['id']}")["attempts"][0]["state"] == "submitted"
        story.stack.worker.start()
        ends_well(story, receiver, payment)


def test_a_broker_restarted_empty_in_the_middle_of_a_payment_loses_nothing(story: Story) -> None:
    assert story.stack.valkey is not None
    with Receiver() as receiver:
        story.listen(receiver)
        payment = story.pay(story.invoice("VALKEY-1"), "tok_slow")
        wait_for("the money to be taken", lambda: story.taken(payment))
        story.stack.valkey.restart_empty()
        ends_well(story, receiver, payment)


def test_a_payment_asked_for_while_the_broker_is_away_is_found_by_the_sweep(story: Story) -> None:
    assert story.stack.valkey is not None
    with Receiver() as receiver:
        story.listen(receiver)
        invoice = story.invoice("VALKEY-2")
        story.stack.valkey.kill9()
        payment = story.pay(invoice, "tok_ok")
        assert story.taken(payment) == []
        story.stack.valkey.restart()
        ends_well(story, receiver, payment)


def test_a_database_restarted_in_the_middle_of_a_payment_charges_once(story: Story) -> None:
    assert story.stack.postgres is not None
    with Receiver() as receiver:
        story.listen(receiver)
        payment = story.pay(story.invoice("POSTGRES-1"), "tok_slow")
        wait_for("the money to be taken", lambda: story.taken(payment))
        story.stack.postgres.restart()
        ends_well(story, receiver, payment)
