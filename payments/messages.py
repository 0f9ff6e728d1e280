"""Messages to payors: planned in the transaction that causes them, sent afterwards, once for their key.

What is sent is a text from `templates/emails`, and the same as simple HTML. A message that somebody opted out of, or
that has no address, is kept with the reason and never sent. Links with a secret are forgotten once they are on the way.
"""

from __future__ import annotations

import datetime as dt
import functools
import re
import smtplib
from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import formataddr, parseaddr
from typing import Any

from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.template import Context, Engine
from django.template.loader import render_to_string

from compliance import audit, events
from compliance.models import Organization
from coverpay.kernel import actors, clock, commands, jobs, texts
from coverpay.kernel.actors import Actor
from coverpay.kernel.commands import command, step
from payments import opt_outs, sweeps
from payments.models import Message
from policies.models import Party, Policy

TEMPLATES = {
    "payment_failed": "recovery",
    "will_retry": "recovery",
    "new_details_needed": "recovery",
    "receipt": "receipts",
    "pay_link": "bills",
    "upcoming_autopay": "autopay",
    "card_expiring": "autopay",
}
"""Each template and the kind of message it is, of which a payor can opt out."""
RETRY_MINUTES = (1, 5, 30, 120)
"""Minutes between tries; after the last one the message has failed."""
LEASE = dt.timedelta(minutes=10)
SENDER = actors.system("messages")
_SECRET = re.compile(r"(/(?:pay|messages)/(?:[a-z]+/)?)[\w:.=-]{20,}")
_WITHHELD_NO_ADDRESS = "No e-mail address is known."


@dataclass(frozen=True, slots=True)
class Envelope:
    """A message ready to go: everything that sending needs, and nothing of the database."""

    message_id: str
    sender: str
    to: str
    subject: str
    body: str
    unsubscribe: str


@step
def plan_locked(
    template: str,
    *,
    organization: Organization,
    key: str,
    subject_id: str,
    context: Mapping[str, Any],
    party: Party | None = None,
    policy: Policy | None = None,
    to: str = "",
    not_needed: str = "",
) -> Message:
    """Plan a message; a worker sends it after the commit. The same key gives the message there is.

    Takes:  a name of TEMPLATES and what its text names, amounts as `Money`; `to`, the party's address when left out;
            `not_needed`, why nothing is to be sent after all, so that nobody looks at it again.
    Gives:  the message: due, or withheld with the reason.
    """
    known = Message.objects.filter(organization=organization, key=key).first()
    if known is not None:
        return known
    to = (to or (party.email if party else "")).strip()
    subject, body = rendered(template, {"organization": organization, "party": party, "policy": policy, **context})
    withheld = not_needed or _withheld(organization.id, to, TEMPLATES[template])
    message = Message.objects.create(
        organization=organization,
        party=party,
        policy=policy,
        template=template,
        subject_id=subject_id,
        key=key,
        to=to,
        subject=subject,
        body=_without_secrets(body) if withheld else body,
        state=Message.State.WITHHELD if withheld else Message.State.DUE,
        result=withheld,
        next_try_at=None if withheld else clock.now(),
    )
    _audit(message, "message.plan", {})
    if withheld:
        _event("message.withheld", message)
    else:
        jobs.wake("payments.send_message", message.id)
    return message


def rendered(template: str, context: Mapping[str, Any]) -> tuple[str, str]:
    """The subject and the text of a template: its first line, and what follows the blank line after it."""
    page = _plain().get_template(f"{template}.txt").render(Context(dict(context), autoescape=False))
    subject, _, body = page.partition("\n")
    return texts.shown(subject.strip(), 200), re.sub(r"\n{3,}", "\n\n", body).strip() + "\n"


@functools.cache
def _plain() -> Engine:
    """Templates of plain text: nothing in them is markup, so nothing is escaped."""
    return Engine(dirs=[str(settings.BASE_DIR / "templates" / "emails")], autoescape=False)


def as_html(body: str, *, subject: str = "", unsubscribe: str = "") -> str:
    """The same text as simple HTML: paragraphs, everything escaped, links made of addresses."""
    paragraphs = [part.strip() for part in body.split("\n\n") if part.strip()]
    said = {"subject": subject, "paragraphs": paragraphs, "unsubscribe": unsubscribe}
    return render_to_string("emails/layout.html", said)


def shown_body(message: Message) -> str:
    """The text as staff may see it: without the secrets of links."""
    return _without_secrets(message.body)


def send(message_id: str) -> None:
    """Send a due message: command, network, command. One that is sent already, or not due, is left alone."""
    envelope = _begin(message_id=message_id, actor=SENDER)
    if envelope is None:
        return
    try:
        _email(envelope).send()
    except smtplib.SMTPRecipientsRefused as error:
        _not_sent(message_id=message_id, reason=f"The address was refused: {error}", for_good=True, actor=SENDER)
    except (smtplib.SMTPException, OSError, ValueError) as error:
        _not_sent(message_id=message_id, reason=f"{type(error).__name__}: {error}", for_good=False, actor=SENDER)
    else:
        _sent(message_id=message_id, actor=SENDER)


def sweep(limit: int = 200) -> int:
    """Send every message that is due. Gives how many were tried."""
    due = Message.objects.filter(state=Message.State.DUE, next_try_at__lte=clock.now()).order_by("next_try_at")
    return sweeps.each(list(due.values_list("id", flat=True)[:limit]), send)


@command
def _begin(*, message_id: str, actor: Actor) -> Envelope | None:
    """Take a message to be sent; nobody else takes it until the lease is over."""
    message = _locked(message_id)
    now = clock.now()
    if (
        message is None
        or message.state != Message.State.DUE
        or message.next_try_at is None
        or message.next_try_at > now
    ):
        commands.unchanged()
        return None
    withheld = _withheld(message.organization_id, message.to, TEMPLATES[message.template])
    if withheld:
        message.state, message.result, message.next_try_at = Message.State.WITHHELD, withheld, None
        message.body = _without_secrets(message.body)
        _save(message, "message.withhold")
        _event("message.withheld", message)
        return None
    message.tries += 1
    message.next_try_at = now + LEASE
    _save(message, "message.try")
    return Envelope(
        message_id=message.id,
        sender=_sender(message.organization.name),
        to=message.to,
        subject=message.subject,
        body=message.body,
        unsubscribe=opt_outs.link(message.organization_id, message.to, TEMPLATES[message.template]),
    )


@command
def _sent(*, message_id: str, actor: Actor) -> None:
    message = _locked(message_id)
    if message is None or message.state != Message.State.DUE:
        commands.unchanged()
        return
    message.state, message.sent_at, message.next_try_at = Message.State.SENT, clock.now(), None
    message.result = ""
    message.body = _without_secrets(message.body)
    _save(message, "message.send")
    _event("message.sent", message)


@command
def _not_sent(*, message_id: str, reason: str, for_good: bool, actor: Actor) -> None:
    message = _locked(message_id)
    if message is None or message.state != Message.State.DUE:
        commands.unchanged()
        return
    message.result = texts.shown(reason, 300)
    if for_good or message.tries > len(RETRY_MINUTES):
        message.state, message.next_try_at = Message.State.FAILED, None
        message.body = _without_secrets(message.body)
        _save(message, "message.fail")
        _event("message.failed", message)
        return
    message.next_try_at = clock.now() + dt.timedelta(minutes=RETRY_MINUTES[message.tries - 1])
    _save(message, "message.wait")


def _email(envelope: Envelope) -> EmailMultiAlternatives:
    """The e-mail itself.

    The same message has the same Message-ID however often it is sent (RFC 5322); one click leaves it (RFC 8058).
    """
    text = f"{envelope.body}\n--\nNo more of these messages: {envelope.unsubscribe}\n"
    mail = EmailMultiAlternatives(
        subject=envelope.subject,
        body=text,
        from_email=envelope.sender,
        to=[envelope.to],
        headers={
            "Message-ID": f"<{envelope.message_id}@{parseaddr(settings.DEFAULT_FROM_EMAIL)[1].partition('@')[2]}>",
            "List-Unsubscribe": f"<{envelope.unsubscribe}>",
            "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
        },
    )
    mail.attach_alternative(
        as_html(envelope.body, subject=envelope.subject, unsubscribe=envelope.unsubscribe), "text/html"
    )
    return mail


def _sender(name: str) -> str:
    return formataddr((name, parseaddr(settings.DEFAULT_FROM_EMAIL)[1]))


def _withheld(organization_id: str, to: str, kind: str) -> str:
    """Why a message must not be sent, or nothing."""
    if "@" not in to:
        return _WITHHELD_NO_ADDRESS
    out = opt_outs.wants_none(organization_id, to, kind)
    return f"The payor wants no such messages since {out.asked_at:%Y-%m-%d}." if out else ""


def _without_secrets(body: str) -> str:
    return _SECRET.sub(r"\1…", body)


def _locked(message_id: str) -> Message | None:
    return (
        Message.objects.select_for_update(no_key=True, of=("self",))
        .select_related("organization")
        .filter(pk=message_id)
        .first()
    )


def _save(message: Message, action: str) -> None:
    message.save()
    _audit(message, action, {"tries": message.tries, "result": message.result})


@step
def _audit(message: Message, action: str, more: Mapping[str, Any]) -> None:
    audit.record(
        action=action,
        object_id=message.id,
        organization_id=message.organization_id,
        after={"template": message.template, "about": message.subject_id, "state": message.state, **more},
    )


@step
def _event(type: str, message: Message) -> None:
    events.record(
        type=type,
        organization_id=message.organization_id,
        object_id=message.id,
        subject_id=message.policy_id or "",
        data={
            "message": message.id,
            "template": message.template,
            "about": message.subject_id,
            "policy": message.policy_id,
            "reason": message.result,
        },
    )
