"""What payors are told before autopay charges them: an amount that is not the usual one, and a card about to expire.

Nacha wants a consumer told of a changed amount some calendar days before the debit (rules data, nacha-0110); a payor
who pays by card is told just so. State is the queue: what was told is a message with its key.
"""

from __future__ import annotations

import calendar
import datetime as dt
from collections.abc import Mapping
from typing import Any

from django.db.models import Exists, OuterRef, Q, QuerySet, Value
from django.db.models.functions import Concat

from billing.models import Invoice
from compliance.rules import facts
from coverpay.kernel import actors, clock, commands
from coverpay.kernel.actors import Actor
from coverpay.kernel.commands import command
from coverpay.kernel.money import Money
from payments import collection, messages, sweeps
from payments.models import Autopay, Message, Payment, PaymentMethod
from policies import locks

WARNER = actors.system("forewarnings")
EXPIRY_DAYS = 30


def sweep(limit: int = 200) -> int:
    """Tell of every charge and every expiry that comes within its days. Gives how many were looked at."""
    coming = list(upcoming(clock.today()).values_list("id", flat=True)[:limit])
    ending = list(expiring(clock.today()).values_list("id", flat=True)[:limit])
    return sweeps.each(coming, _tell_charge) + sweeps.each(ending, _tell_expiry)


def notice_days() -> int:
    """How many calendar days before the debit a consumer is told of another amount."""
    return int(facts.find("authorization_amount_change_notice_days", facts.FEDERAL)[0].value)


def upcoming(on: dt.date) -> QuerySet[Invoice]:
    """Open invoices that autopay will charge within the days of notice, and of which nothing was told yet."""
    enrolled = Autopay.objects.filter(policy=OuterRef("policy"), ended_at__isnull=True)
    told = Message.objects.filter(
        organization=OuterRef("policy__operator"), key=Concat(Value("upcoming:"), OuterRef("id"))
    )
    return Invoice.objects.filter(
        Exists(enrolled),
        ~Exists(told),
        state=Invoice.State.OPEN,
        due_on__gt=on,
        due_on__lte=on + dt.timedelta(days=notice_days()),
    ).order_by("due_on", "id")


def expiring(on: dt.date) -> QuerySet[Autopay]:
    """Enrolments whose card expires within EXPIRY_DAYS, and of which nothing was told yet."""
    last = on + dt.timedelta(days=EXPIRY_DAYS)
    months = {(day.year, day.month) for day in (on, last)}
    within = Q(pk__in=[])
    for year, month in months:
        if on <= dt.date(year, month, calendar.monthrange(year, month)[1]) <= last:
            within |= Q(payment_method__exp_year=year, payment_method__exp_month=month)
    told = Message.objects.filter(
        organization=OuterRef("policy__operator"), key=Concat(Value("expiring:"), OuterRef("id"))
    )
    return Autopay.objects.filter(
        within, ~Exists(told), ended_at__isnull=True, payment_method__kind=PaymentMethod.Kind.CARD
    ).order_by("id")


@command
def tell_charge(*, invoice_id: str, actor: Actor) -> Message | None:
    """Tell the payor what autopay will charge and when, if it is not the amount of the last time."""
    policy = locks.lock(Invoice.objects.values_list("policy_id", flat=True).get(pk=invoice_id))
    invoice = upcoming(clock.today()).select_related("account__payor").filter(pk=invoice_id).first()
    autopay = Autopay.objects.select_related("payment_method").filter(policy=policy, ended_at__isnull=True).first()
    if invoice is None or autopay is None:
        commands.unchanged()
        return None
    amount = Money(collection.open_minor_of([invoice])[invoice.id], invoice.currency)
    before = _last_amount(autopay)
    said = {
        "invoice": invoice,
        "amount": amount,
        "before": before,
        "collect_on": invoice.due_on,
        "method": _named(autopay),
    }
    payor = invoice.account.payor if invoice.account else policy.insured
    return messages.plan_locked(
        "upcoming_autopay", organization=policy.operator, key=f"upcoming:{invoice.id}", subject_id=invoice.id,
        party=payor, policy=policy, context=said,
        not_needed="The amount is that of the last time." if before == amount else "",
    )  # fmt: skip


@command
def tell_expiry(*, autopay_id: str, actor: Actor) -> Message | None:
    """Tell the payor that the card that pays the policy expires soon."""
    policy = locks.lock(Autopay.objects.values_list("policy_id", flat=True).get(pk=autopay_id))
    autopay = expiring(clock.today()).select_related("payment_method__party").filter(pk=autopay_id).first()
    if autopay is None or autopay.payment_method is None:
        commands.unchanged()
        return None
    card = autopay.payment_method
    assert card.exp_year and card.exp_month
    said: Mapping[str, Any] = {"method": str(card), "expires_on": dt.date(card.exp_year, card.exp_month, 1)}
    return messages.plan_locked(
        "card_expiring", organization=policy.operator, key=f"expiring:{autopay.id}", subject_id=card.id,
        party=card.party, policy=policy, context=said,
    )  # fmt: skip


def _tell_charge(invoice_id: str) -> None:
    tell_charge(invoice_id=invoice_id, actor=WARNER)


def _tell_expiry(autopay_id: str) -> None:
    tell_expiry(autopay_id=autopay_id, actor=WARNER)


def _last_amount(autopay: Autopay) -> Money | None:
    """What autopay took of the policy the last time, if it ever did."""
    last = (
        Payment.objects.filter(
            policy_id=autopay.policy_id, initiator=Payment.Initiator.AUTOPAY, state=Payment.State.SUCCEEDED
        )
        .order_by("-created_at", "-id")
        .first()
    )
    return Money(last.amount_minor, last.currency) if last else None


def _named(autopay: Autopay) -> str:
    return str(autopay.payment_method) if autopay.payment_method else f"your {autopay.method} on file"
