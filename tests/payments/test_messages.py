"""Messages to payors: planned with what causes them, sent once, withheld with a reason."""

from __future__ import annotations

import datetime as dt
import smtplib
from types import SimpleNamespace
from typing import Any

import pytest
from django.core import mail

from compliance.models import EventRecord
from coverpay.kernel import clock, commands
from coverpay.kernel.actors import Actor
from coverpay.kernel.commands import command
from coverpay.kernel.money import Money
from payments import messages, opt_outs
from payments.models import Message
from policies.models import Party
from tests.support import books
from tests.support.books import House

pytestmark = pytest.mark.django_db
SECRET = "https://pay.example/pay/Zm9vYmFyYmF6cXV4Zm9vYmFyYmF6cXV4MTIzNDU2Nzg5MDA/"


@command
def plan(*, actor: Actor, house: House, changes: dict[str, Any]) -> Message:
    """Plan a message about a failed payment of 5,359.00 to the payor of a new policy."""
    email = changes.pop("email", "Leilani@Example.org")
    invoice = changes.pop("invoice", None) or SimpleNamespace(number="P-1-1")
    party, _ = Party.objects.get_or_create(
        organization=house.operator, reference=f"M-{email}", name="Aloha & Sons", email=email
    )
    asked: dict[str, Any] = {
        "organization": house.operator,
        "key": "case-1",
        "subject_id": "rcv_1",
        "party": party,
        "policy": None,
        "context": {
            "policy": SimpleNamespace(number="P-1"),
            "invoice": invoice,
            "amount": Money(535_900),
            "open": Money(535_900),
            "reason": "insufficient funds",
            "retry_on": dt.date(2026, 2, 6),
            "link": SECRET,
        },
    }
    commands.unchanged()
    return messages.plan_locked(changes.pop("template", "payment_failed"), **{**asked, **changes})


def planned(house: House, **changes: Any) -> Message:
    return plan(actor=house.me, house=house, changes=changes)


def test_a_message_is_sent_once_with_text_and_html(house: House) -> None:
    message = planned(house)
    assert (message.state, mail.outbox) == ("due", [])
    messages.send(message.id)
    messages.send(message.id)
    assert messages.sweep() == 0
    [sent] = mail.outbox
    assert sent.to == ["Leilani@Example.org"]
    assert "5,359.00 USD" in sent.body and "February 6, 2026" in sent.body and "Aloha & Sons" in sent.body
    html = str(sent.alternatives[0][0])
    assert "Aloha &amp; Sons" in html and f'href="{SECRET}"' in html
    assert sent.extra_headers["Message-ID"].startswith(f"<{message.id}@")
    message.refresh_from_db()
    assert (message.state, message.tries) == ("sent", 1)
    assert EventRecord.objects.filter(type="message.sent").count() == 1


def test_the_secret_of_a_link_is_forgotten_once_it_is_on_its_way_and_never_shown(house: House) -> None:
    message = planned(house)
    assert SECRET in message.body
    assert SECRET not in messages.shown_body(message)
    messages.send(message.id)
    message.refresh_from_db()
    assert "https://pay.example/pay/…" in message.body


def test_the_same_key_is_one_message(house: House) -> None:
    first = planned(house)
    assert planned(house, email="other@example.org").id == first.id


@pytest.mark.parametrize("email", ["", "  "])
def test_without_an_address_it_is_withheld_and_says_so(house: House, email: str) -> None:
    message = planned(house, email=email)
    assert (message.state, message.result) == ("withheld", "No e-mail address is known.")
    messages.send(message.id)
    assert mail.outbox == []


def test_a_payor_who_opted_out_between_planning_and_sending_gets_nothing(house: House) -> None:
    message = planned(house)
    opt_outs.opt_out(organization_id=house.operator.id, address="leilani@example.org", kind="recovery", actor=house.me)
    messages.send(message.id)
    message.refresh_from_db()
    assert (message.state, mail.outbox) == ("withheld", [])
    assert message.result == "The payor wants no such messages since 2026-02-02."
    assert planned(house, key="receipt", template="receipt", email="leilani@example.org").state == "due"


def test_a_server_that_is_away_is_tried_again_later_and_given_up_in_the_end(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Tried at once, and 1, 5, 30 and 120 minutes after each other."""
    message = planned(house)
    monkeypatch.setattr(
        "django.core.mail.EmailMultiAlternatives.send", lambda self: (_ for _ in ()).throw(OSError("away"))
    )
    for tries, minutes in enumerate((1, 5, 30, 120), start=1):
        assert messages.sweep() == 1
        assert messages.sweep() == 0
        message.refresh_from_db()
        assert (message.state, message.tries, message.result) == ("due", tries, "OSError: away")
        clock.advance(dt.timedelta(minutes=minutes))
    assert messages.sweep() == 1
    message.refresh_from_db()
    assert (message.state, message.tries) == ("failed", 5)
    assert SECRET not in message.body


def test_a_refused_address_is_not_tried_again(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    message = planned(house)
    refused = smtplib.SMTPRecipientsRefused({"a@b.c": (550, b"no such user")})
    monkeypatch.setattr("django.core.mail.EmailMultiAlternatives.send", lambda self: (_ for _ in ()).throw(refused))
    messages.send(message.id)
    message.refresh_from_db()
    assert (message.state, message.tries) == ("failed", 1)


def test_what_dies_after_taking_a_message_is_sent_when_the_lease_is_over(house: House) -> None:
    message = planned(house)
    assert messages._begin(message_id=message.id, actor=messages.SENDER) is not None
    assert messages.sweep() == 0
    clock.advance(messages.LEASE)
    assert messages.sweep() == 1
    assert len(mail.outbox) == 1


@pytest.mark.parametrize("template", messages.TEMPLATES)
def test_every_template_says_its_figures_with_their_currency(template: str) -> None:
    context = {
        "organization": SimpleNamespace(name="Kona MGA"),
        "party": SimpleNamespace(name="<b>Leilani</b>"),
        "policy": SimpleNamespace(number="P-1"),
        "invoice": SimpleNamespace(number="P-1-1"),
        "amount": Money(535_900),
        "open": Money(120_000, "CAD"),
        "reason": "insufficient funds",
        "method": "Visa ···4242",
        "retry_on": dt.date(2026, 2, 6),
        "collect_on": dt.date(2026, 3, 1),
        "expires_on": dt.date(2026, 3, 31),
        "cover_ends_on": dt.date(2026, 2, 20),
        "link": SECRET,
        "link_expires_at": dt.datetime(2026, 2, 9, tzinfo=dt.UTC),
        "lines": ["Invoice P-1-1: 5,359.00 USD"],
    }  # fmt: skip
    subject, body = messages.rendered(template, context)
    assert subject and "\n" not in subject and "{" not in subject + body
    assert "Leilani" in body and "Kona MGA" in body
    for word in (subject + " " + body).replace(".\n", " ").split():
        if word.replace(",", "").replace(".", "", 1).isdecimal() and "." in word.strip(".,"):
            follows = (subject + " " + body).partition(word)[2].split()[0]
            assert follows.strip(".,") in ("USD", "CAD"), (template, word, follows)
    assert "<b>" not in messages.as_html(body)


def test_a_template_leaves_out_what_is_not_known(house: House) -> None:
    invoice = books.billed(house)
    context = {"policy": invoice.policy, "invoice": invoice, "amount": Money(100), "open": Money(100), "reason": "x"}
    _, body = messages.rendered(
        "payment_failed", {"organization": house.operator, "party": invoice.policy.insured, **context}
    )
    assert "try again" not in body and "None" not in body and "http" not in body
