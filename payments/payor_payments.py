"""Payments that payors make on their page: looked at first, then made once, however often the button is pressed.

What was shown is what is charged: a changed amount or fee is shown again. The link remembers its last payment; a
confirmation that was prepared before that one was made gives that one instead of another.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from compliance.models import Organization
from coverpay.kernel import clock, commands
from coverpay.kernel.actors import Actor
from coverpay.kernel.commands import command, step
from coverpay.kernel.errors import Conflict, Invalid, NotFound
from coverpay.kernel.money import Money
from payments import collection, consent_texts, enrolments, mandates, method_fees, pay_links, payable, scheduled
from payments.collection import Source, Wanted
from payments.method_fees import Quote
from payments.models import Autopay, PayLink, Payment, PaymentMethod
from payments.payable import Payable
from payments.waits import TooManyTries
from policies import locks
from policies.models import Policy

FAILURES_AN_HOUR = 5
"""After so many failed payments of the same bills nobody pays them here for an hour: it is no place to test cards."""


class PartialNotAllowed(Invalid):
    """The payment plan of this invoice asks for all of it at once."""

    code = "partial_not_allowed"


class LookAgain(Conflict):
    """What is owed, or the fee, changed since it was shown; look at it again before paying."""

    code = "look_again"


class NotForPaying(Conflict):
    """This link is for new payment details, not for paying."""

    code = "not_for_paying"


class ConsentNeeded(Invalid):
    """This charge takes the payor's leave first."""

    code = "consent_needed"


@dataclass(frozen=True, slots=True)
class Draft:
    """What a payor chose: how much of which invoices, by which kept method, and what shall hold from then on."""

    wanted: tuple[Wanted, ...]
    payment_method_id: str
    keep: bool = False
    autopay: bool = False
    collect_on: dt.date | None = None

    def as_json(self) -> dict[str, Any]:
        return {
            "wanted": [[want.invoice_id, want.amount_minor] for want in self.wanted],
            "payment_method": self.payment_method_id,
            "keep": self.keep,
            "autopay": self.autopay,
            "collect_on": self.collect_on.isoformat() if self.collect_on else "",
        }


def read(said: dict[str, Any]) -> Draft:
    """A draft as `as_json` wrote it."""
    wanted = tuple(Wanted(invoice_id, amount_minor) for invoice_id, amount_minor in said["wanted"])
    on = dt.date.fromisoformat(said["collect_on"]) if said["collect_on"] else None
    return Draft(wanted, said["payment_method"], said["keep"], said["autopay"], on)


@dataclass(frozen=True, slots=True)
class Consent:
    """Where leave was given on the web."""

    ip: str
    user_agent: str


@dataclass(frozen=True, slots=True)
class Review:
    """A draft with everything it comes to. `leave` are the words the payor agrees to; empty where none are needed."""

    draft: Draft
    items: tuple[tuple[Payable, Money], ...]
    method: PaymentMethod
    quote: Quote
    leave: str
    lasting: bool
    automatic: str
    after: str

    @property
    def due(self) -> Money:
        return Money(sum(amount.amount_minor for _, amount in self.items), self.quote.fee.currency)

    @property
    def total(self) -> Money:
        return self.due + self.quote.fee

    @property
    def shown(self) -> list[Any]:
        """What a confirmation repeats, so that it is known what was agreed to."""
        amounts = [[each.id, amount.amount_minor] for each, amount in self.items]
        return [amounts, self.quote.fee.amount_minor, self.method.id, self.leave, self.automatic, self.after]


def review(link: PayLink, draft: Draft) -> Review:
    """What a draft comes to now.

    Raises: NotFound for what the link is not about, PartialNotAllowed, NothingOwed, PaymentInProgress, AmountAboveOpen,
            Invalid, LinkExpired, LinkUsed, LinkRevoked.
    """
    pay_links.check(link)
    if link.purpose != PayLink.Purpose.PAY:
        raise NotForPaying("This link is for new payment details, not for paying.")
    items = _items(payable.of_link(link), draft.wanted)
    method = method_of(link, draft.payment_method_id)
    parts = [(each.invoice.policy, amount) for each, amount in items]
    quote = method_fees.quote_policies(link.organization_id, parts, method_fees.how_of(method, method.kind))
    if draft.collect_on is not None:
        _check_day(items, draft.collect_on)
        quote = Quote(Money(0, quote.fee.currency))  # a scheduled payment bears no fee
    operator = Organization.objects.get(pk=link.organization_id).name
    if draft.autopay and not (link.policy_id and link.party_id):
        raise Invalid("Automatic payment is set up by the link of one policy.", field="autopay")
    lasting = draft.keep or draft.autopay or len(_policies(items)) > 1
    total = sum((amount for _, amount in items), quote.fee)
    leave = _leave(operator, method, items, total, lasting=lasting, draft=draft, guest=not link.party_id)
    number = items[0][0].policy_number
    return Review(
        draft=draft,
        items=tuple(items),
        method=method,
        quote=quote,
        leave=leave,
        lasting=lasting,
        automatic=consent_texts.automatic(operator, number) if draft.autopay else "",
        after=_mark(link),
    )


def _check_day(items: Sequence[tuple[Payable, Money]], on: dt.date) -> None:
    """A payment is scheduled from tomorrow to the first due date of what it pays."""
    last = min(each.invoice.due_on for each, _ in items)
    if on <= clock.today() or on > last:
        said = f"Choose a day after today, until {last}." if last > clock.today() else "It is due: pay it now."
        raise Invalid(said, field="collect_on")


def _mark(link: PayLink) -> str:
    """What changes whenever a link is used."""
    return link.used_at.isoformat() if link.used_at else ""


def method_of(link: PayLink, payment_method_id: str) -> PaymentMethod:
    """A method of the link's payor. Raises: NotFound."""
    rows = PaymentMethod.objects.filter(party=pay_links.payor_of(link), organization_id=link.organization_id)
    found = rows.exclude(state=PaymentMethod.State.REMOVED).filter(pk=payment_method_id).first()
    if found is None:
        raise NotFound("Choose how to pay.", field="payment_method")
    return found


@command
def pay(
    *, link_id: str, draft: Draft, shown: Sequence[Any], agreed: bool, consent: Consent, actor: Actor
) -> Payment | None:
    """Make the payment that was looked at, or schedule it.

    Takes:  `shown`, what the payor's page said (`Review.shown`); whether the words of leave were agreed to.
    Gives:  the payment, none for a scheduled one; the last one by this link, when it was used since that was shown.
    Raises: LookAgain, ConsentNeeded, TooManyTries, and whatever `review`, collecting and scheduling raise.
    """
    link, policies = _locked(link_id)
    if _mark(link) != shown[-1]:
        commands.unchanged()
        return link.payment
    said = review(link, draft)
    if said.shown != list(shown):
        raise LookAgain("What is owed changed a moment ago. Please look at it again before paying.")
    if (said.leave or said.automatic) and not agreed:
        raise ConsentNeeded("Please agree to the authorization first.", field="agree")
    _refuse_testing([each.id for each, _ in said.items])
    paying = {policy_id: policies[policy_id] for policy_id in _policies(said.items)}
    if said.leave:
        give_leave(said.method, said.leave, None if said.lasting else next(iter(paying.values())), consent)
    payment = None
    if draft.collect_on is None:
        payment = _collect(said, paying)
    else:
        _schedule(said, paying, draft.collect_on)
    if said.automatic:
        enrol(policies[link.policy_id or ""], said.method)
    pay_links.use_locked(link, payment)
    return payment


def _collect(said: Review, policies: dict[str, Policy]) -> Payment:
    payment = collection.collect_locked(
        policies,
        [Wanted(each.id, amount.amount_minor) for each, amount in said.items],
        source=Source(said.method.kind, payment_method=said.method),
        initiator=Payment.Initiator.PAYOR,
        surcharge_minor=said.quote.fee.amount_minor,
    )
    method_fees.keep(payment, said.quote)
    return payment


def _schedule(said: Review, policies: dict[str, Policy], on: dt.date) -> None:
    for each, amount in said.items:
        policy = policies[each.invoice.policy_id]
        scheduled.plan_locked(policy, each.invoice, said.method, collect_on=on, amount_minor=amount.amount_minor)


def _locked(link_id: str) -> tuple[PayLink, dict[str, Policy]]:
    """The link, and every policy it may pay, locked; the policies first, as everywhere."""
    found = PayLink.objects.get(pk=link_id)
    ids = {each.invoice.policy_id for each in payable.of_link(found)} | ({found.policy_id} - {None})
    policies = {policy.id: policy for policy in locks.lock_many(ids)}
    PayLink.objects.select_for_update(no_key=True).get(pk=link_id)
    return PayLink.objects.select_related("payment", "policy", "billing_account", "invoice", "party").get(
        pk=link_id
    ), policies


def _items(found: Sequence[Payable], wanted: Sequence[Wanted]) -> list[tuple[Payable, Money]]:
    """What is wanted, of what the link shows."""
    shown = {each.id: each for each in found}
    if not wanted:
        raise Invalid("Choose at least one bill to pay.", field="items")
    if len(wanted) > collection.MOST_INVOICES:
        raise Invalid(f"Choose at most {collection.MOST_INVOICES} bills at once.", field="items")
    items = []
    for want in wanted:
        each = shown.get(want.invoice_id)
        if each is None:
            raise collection.NothingOwed("Nothing is open on one of the bills any more.", field="items")
        if each.paying:
            raise collection.PaymentInProgress(f"A payment of bill {each.number} is under way.", field="items")
        minor = each.open_minor if want.amount_minor is None else want.amount_minor
        if not 0 < minor <= each.open_minor:
            raise collection.AmountAboveOpen(
                f"Pay more than zero and at most {each.open} of bill {each.number}.", field="items"
            )
        if minor < each.open_minor and not each.partial:
            raise PartialNotAllowed(f"Bill {each.number} can only be paid whole: {each.open}.", field="items")
        items.append((each, Money(minor, each.invoice.currency)))
    return items


def _policies(items: Sequence[tuple[Payable, Money]]) -> set[str]:
    return {each.invoice.policy_id for each, _ in items}


def _leave(
    operator: str,
    method: PaymentMethod,
    items: Sequence[tuple[Payable, Money]],
    total: Money,
    *,
    lasting: bool,
    draft: Draft,
    guest: bool,
) -> str:
    """The words of leave that this takes; none where a standing mandate covers it, or for a card charged right now.

    A guest who types the account of somebody who gave leave before agrees all the same.
    """
    later = draft.collect_on is not None
    if method.kind == PaymentMethod.Kind.CARD and not (later or draft.keep or draft.autopay):
        return ""
    initiator = Payment.Initiator.SCHEDULE if later else Payment.Initiator.PAYOR
    has = None if guest else mandates.standing(method, policy_ids=_policies(items), initiator=initiator)
    if lasting:
        stands = has is not None and has.recurring and not has.policy_id
        return "" if stands else consent_texts.lasting(operator, method)
    if has is not None:
        return ""
    return consent_texts.once(operator, method, total, draft.collect_on or clock.today(), items[0][0].policy_number)


@step
def give_leave(method: PaymentMethod, words: str, policy: Policy | None, consent: Consent) -> None:
    """Keep the words a payor agreed to on the page: for one charge of a policy, or lasting for none in particular."""
    mandates.give_locked(
        PaymentMethod.objects.select_for_update(no_key=True).get(pk=method.pk),
        text=words,
        given="web",
        policy=policy,
        text_version=consent_texts.VERSION,
        recurring=policy is None,
        ip=consent.ip,
        user_agent=consent.user_agent,
    )


@step
def enrol(policy: Policy, method: PaymentMethod) -> None:
    """Let a method pay a locked policy from now on, in the place of one that did."""
    standing = Autopay.objects.filter(policy=policy, ended_at__isnull=True).first()
    if standing is not None and standing.payment_method_id == method.id:
        return
    if standing is not None:
        enrolments.end_locked(standing, "The payor enrolled another method.")
    enrolments.enrol_locked(policy, method)


def _refuse_testing(invoice_ids: Collection[str]) -> None:
    since = clock.now() - dt.timedelta(hours=1)
    failed = Payment.objects.filter(
        parts__invoice__in=invoice_ids,
        initiator=Payment.Initiator.PAYOR,
        state=Payment.State.FAILED,
        created_at__gte=since,
    ).distinct()
    if failed.count() >= FAILURES_AN_HOUR:
        raise TooManyTries(
            "Too many payments failed. Please wait an hour, or call us.", headers={"Retry-After": "3600"}
        )
