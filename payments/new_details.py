"""New payment details by a link: the method is kept with the payor's leave, and what waited for it goes on."""

from __future__ import annotations

from coverpay.kernel.actors import Actor
from coverpay.kernel.commands import command
from coverpay.kernel.errors import Conflict
from payments import consent_texts, mandates, pay_links, payor_payments, recovery_actions, recovery_steps
from payments.models import Autopay, PayLink, PaymentMethod
from payments.payor_payments import Consent, ConsentNeeded
from policies import locks
from policies.models import Policy


class NotForDetails(Conflict):
    """This link is for paying, not for new payment details."""

    code = "not_for_details"


def leave_for(link: PayLink, method: PaymentMethod) -> str:
    """The words that keeping a method takes; none where they stand already."""
    standing = mandates.standing_of(method).filter(policy__isnull=True, recurring=True)
    return "" if standing.exists() else consent_texts.lasting(link.organization.name, method)


@command
def give(*, link_id: str, payment_method_id: str, agreed: bool, consent: Consent, actor: Actor) -> PaymentMethod:
    """Take a kept method as the payor's new details: recovery goes on with it, and autopay changes to it.

    Raises: NotForDetails, LinkExpired, LinkUsed, LinkRevoked, NotFound, ConsentNeeded.
    """
    found = PayLink.objects.get(pk=link_id)
    case, policies = None, _policies(found)
    if found.recovery_case_id:
        case, policies = recovery_steps.locked(found.recovery_case_id)
    PayLink.objects.select_for_update(no_key=True).get(pk=link_id)
    rows = PayLink.objects.select_related("organization", "payment", "policy", "billing_account", "invoice", "party")
    link = rows.get(pk=link_id)
    pay_links.check(link)
    if link.purpose != PayLink.Purpose.DETAILS:
        raise NotForDetails("This link is for paying a bill.")
    method = payor_payments.method_of(link, payment_method_id)
    words = leave_for(link, method)
    if words and not agreed:
        raise ConsentNeeded("Please agree to the authorization first.", field="agree")
    if words:
        payor_payments.give_leave(method, words, None, consent)
    for policy in policies.values():
        if Autopay.objects.filter(policy=policy, ended_at__isnull=True).exists():
            payor_payments.enrol(policy, method)
    if case is not None:
        recovery_actions.details_given_locked(case, method)
    pay_links.use_locked(link)
    return method


def _policies(link: PayLink) -> dict[str, Policy]:
    if not link.policy_id or link.recovery_case_id:
        return {}
    return {link.policy_id: locks.lock(link.policy_id)}
