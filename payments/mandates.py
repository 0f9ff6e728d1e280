"""Mandates: a payor's leave to be charged, in the very words that were agreed to, until it is revoked.

How leave was given decides how a bank debit may be presented (Nacha: WEB, TEL, PPD of consumers, CCD of businesses).
Nothing of a mandate is ever deleted, so it is at hand for the two years the rules ask for after its end, and longer.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Collection, Sequence

from django.db.models import QuerySet

from compliance import access, audit, events
from compliance.permissions import Permission
from coverpay.kernel import clock, commands, texts
from coverpay.kernel.actors import Actor
from coverpay.kernel.commands import command, step
from coverpay.kernel.errors import Conflict, Invalid
from payments.models import Mandate, Payment, PaymentMethod
from policies.models import Policy

TEXT_AT_MOST = 8000
SEC_CODES = {"web": "WEB", "phone": "TEL", "paper": "PPD"}
"""How a consumer's leave was given, and the standard entry class that follows from it."""
BY_THEMSELVES = frozenset({Payment.Initiator.AUTOPAY, Payment.Initiator.SCHEDULE, Payment.Initiator.RECOVERY})
"""Charges nobody is present for: for these a card needs leave on record as a bank account always does."""


class MandateRevoked(Conflict):
    """The mandate is over already."""

    code = "mandate_revoked"


class MandateUnclear(Invalid):
    """What is said about how leave was given does not fit together; the field says what is missing or too much."""

    code = "mandate_unclear"


@command
def give(
    *,
    payment_method_id: str,
    text: str,
    given: str,
    actor: Actor,
    policy_id: str | None = None,
    text_version: str = "",
    recurring: bool = True,
    ip: str | None = None,
    user_agent: str = "",
    evidence: str = "",
    sec_code: str = "",
) -> Mandate:
    """Keep a payor's leave to charge a method.

    Takes:  the words agreed to; `given` web (with the address it came from), phone or paper (with where the recording
            or the signed paper is), or agreement for a business; `policy_id` when it is for one policy only;
            `recurring` false for a single charge of one policy; `sec_code` only to say what follows anyway.
    Gives:  the mandate; the same again is the one that stands.
    Raises: NotFound, Forbidden, BadText, MandateUnclear, Conflict for a method that is removed.
    """
    rows = PaymentMethod.objects.select_for_update(no_key=True)
    method = access.get_operable(
        actor, rows, payment_method_id, permission=Permission.PAYMENTS_WRITE, field="payment_method"
    )
    policy = None
    if policy_id is not None:
        policy = access.get_operable(
            actor, Policy.objects.all(), policy_id, permission=Permission.PAYMENTS_WRITE, field="policy"
        )
    return give_locked(
        method,
        policy=policy,
        text=text,
        text_version=text_version,
        given=given,
        recurring=recurring,
        ip=ip,
        user_agent=user_agent,
        evidence=evidence,
        sec_code=sec_code,
    )


@step
def give_locked(
    method: PaymentMethod,
    *,
    text: str,
    given: str,
    policy: Policy | None = None,
    text_version: str = "",
    recurring: bool = True,
    ip: str | None = None,
    user_agent: str = "",
    evidence: str = "",
    sec_code: str = "",
) -> Mandate:
    """Keep leave to charge a locked method. Raises: BadText, MandateUnclear, Conflict."""
    if method.state in (PaymentMethod.State.BLOCKED, PaymentMethod.State.REMOVED):
        raise Conflict(f"The method is {method.get_state_display().lower()}.", field="payment_method")
    if policy is not None and policy.operator_id != method.organization_id:
        raise Invalid("The policy is of another organization.", field="policy")
    if policy is None and not recurring:
        raise MandateUnclear("Leave for a single charge names the policy it is for.", field="policy")
    wanted = Mandate(
        payment_method=method,
        policy=policy,
        recurring=recurring,
        text=_words(text),
        text_version=texts.line(text_version, field="text_version", at_most=40, empty=True),
        given=given,
        sec_code=derived_sec_code(method, given, said=sec_code),
        given_ip=_address(given, ip),
        user_agent=texts.shown(user_agent, 300),
        evidence=_evidence(given, evidence),
        recorded_by=commands.current().actor.id,
    )
    for standing in standing_of(method).filter(policy=policy, recurring=recurring):
        if _same(standing, wanted):
            commands.unchanged()
            return standing
        revoke_locked(standing, "Another mandate took its place.")
    wanted.save(force_insert=True)
    _tell("mandate.given", wanted)
    return wanted


@command
def revoke(*, mandate_id: str, reason: str, actor: Actor) -> Mandate:
    """End a mandate; what is on its way already goes on. Raises: NotFound, Forbidden, BadText, MandateRevoked."""
    reason = texts.line(reason, field="reason", at_most=200)
    rows = Mandate.objects.select_for_update(no_key=True, of=("self",)).select_related("payment_method")
    mandate = access.get_operable(actor, rows, mandate_id, permission=Permission.PAYMENTS_WRITE, field="mandate")
    if mandate.revoked_at is not None:
        raise MandateRevoked(f"It was revoked on {mandate.revoked_at:%Y-%m-%d}.", field="mandate")
    return revoke_locked(mandate, reason)


@step
def revoke_locked(mandate: Mandate, reason: str) -> Mandate:
    """End a standing mandate; its words stay."""
    mandate.revoked_at, mandate.revoked_reason = clock.now(), reason[:200]
    mandate.save(update_fields=["revoked_at", "revoked_reason"])
    _tell("mandate.revoked", mandate, reason)
    return mandate


@step
def revoke_all_locked(method: PaymentMethod, reason: str) -> int:
    """End every standing mandate of a locked method. Gives how many there were."""
    standing = list(standing_of(method))
    for mandate in standing:
        revoke_locked(mandate, reason)
    return len(standing)


def standing_of(method: PaymentMethod) -> QuerySet[Mandate]:
    """Mandates of a method that nobody revoked, the newest first."""
    return Mandate.objects.filter(payment_method=method, revoked_at__isnull=True).order_by("-id")


def standing(
    method: PaymentMethod,
    *,
    policy_ids: Collection[str] = (),
    initiator: str = Payment.Initiator.STAFF,
    of: Sequence[Mandate] | None = None,
) -> Mandate | None:
    """The mandate that allows this charge, or None.

    Takes:  the policies it is for, all of which it must cover; `of`, the method's standing mandates where they were
            fetched with those of others. A mandate for a single charge is used up by the first payment made under it
            that did not fail, but covers what recovery does about that one.
    """
    for mandate in standing_of(method) if of is None else of:
        if mandate.policy_id is not None and set(policy_ids) - {mandate.policy_id}:
            continue
        if mandate.recurring or (initiator != Payment.Initiator.AUTOPAY and not _used(mandate, initiator)):
            return mandate
    return None


def sec_code_for(method: PaymentMethod, *, policy_ids: Collection[str] = (), initiator: str = "staff") -> str:
    """How a bank debit of this method is presented: as its mandate says; empty for a card or without a mandate."""
    mandate = standing(method, policy_ids=policy_ids, initiator=initiator)
    return mandate.sec_code if mandate is not None else ""


def derived_sec_code(method: PaymentMethod, given: str, *, said: str = "") -> str:
    """The standard entry class that follows from who holds the account and how leave was given.

    Raises: MandateUnclear for a way of giving that this holder does not have, or another code than what follows.
    """
    if given not in Mandate.Given.values:
        raise MandateUnclear(f"Leave is given {', '.join(Mandate.Given.values)}.", field="given")
    if method.kind != PaymentMethod.Kind.ACH:
        follows = ""
    elif method.holder == PaymentMethod.Holder.BUSINESS:
        follows = "CCD"
    elif given in SEC_CODES:
        follows = SEC_CODES[given]
    else:
        raise MandateUnclear("A consumer gives leave on the web, by phone or on paper.", field="given")
    if said and said != follows:
        raise MandateUnclear(
            f"Given like this it is presented as {follows or 'a card'}, not {said}.",
            field="sec_code",
        )
    return follows


def _used(mandate: Mandate, initiator: str) -> bool:
    made = Payment.objects.filter(payment_method_id=mandate.payment_method_id, created_at__gte=mandate.given_at)
    if initiator == Payment.Initiator.RECOVERY:
        made = made.filter(state=Payment.State.SUCCEEDED)
    return made.exclude(state=Payment.State.FAILED).exists()


def _same(standing: Mandate, wanted: Mandate) -> bool:
    said = ("recurring", "text", "text_version", "given", "sec_code", "evidence")
    return all(getattr(standing, name) == getattr(wanted, name) for name in said)


def _words(text: str) -> str:
    lines = text.replace("\r\n", "\n").split("\n") if isinstance(text, str) else [""]
    kept = "\n".join(texts.line(line, field="text", at_most=TEXT_AT_MOST, empty=True) for line in lines).strip()
    return texts.line(kept.replace("\n", " "), field="text", at_most=TEXT_AT_MOST) and kept


def _address(given: str, ip: str | None) -> str | None:
    if not ip:
        if given == Mandate.Given.WEB:
            raise MandateUnclear("Leave given on the web is kept with the address it came from.", field="ip")
        return None
    try:
        return str(ipaddress.ip_address(ip))
    except ValueError:
        raise MandateUnclear("This is no internet address.", field="ip") from None


def _evidence(given: str, evidence: str) -> str:
    evidence = texts.line(evidence, field="evidence", at_most=200, empty=True)
    if not evidence and given in (Mandate.Given.PHONE, Mandate.Given.PAPER):
        what = "the recording or the written notice" if given == Mandate.Given.PHONE else "the signed paper"
        raise MandateUnclear(f"Say where {what} is kept.", field="evidence")
    return evidence


def _tell(type: str, mandate: Mandate, reason: str = "") -> None:
    method = mandate.payment_method
    facts = {
        "payment_method": method.id,
        "policy": mandate.policy_id,
        "given": mandate.given,
        "sec_code": mandate.sec_code,
        "recurring": mandate.recurring,
    }
    audit.record(action=type, object_id=mandate.id, organization_id=method.organization_id, after=facts, reason=reason)
    events.record(
        type=type,
        organization_id=method.organization_id,
        object_id=mandate.id,
        subject_id=mandate.policy_id or "",
        data={"mandate": mandate.id, **facts},
    )
