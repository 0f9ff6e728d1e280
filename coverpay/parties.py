"""Who is behind postings of cash, by the rows they came from."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from billing.models import SuspenseItem, TrustMovement
from compliance.models import Organization
from payments.models import Disbursement, Payout
from reconciliation.events import PartiesBehind

NO_COMPANIES = ("manual", "nacha")
"""Gateways that are ways of ours and no company a bank could name."""
_AT_ONCE = 10_000


def parties_behind(asked: PartiesBehind) -> dict[str, str]:
    """Answer `PartiesBehind`: payors of deposits, payees of disbursements, processors, and who trust money went to."""
    found: dict[str, str] = {}
    for ids in _in_parts(asked.source_ids, "sus_"):
        rows = SuspenseItem.objects.filter(pk__in=ids, operator=asked.organization_id)
        found.update(rows.values_list("id", "payor_name"))
    for ids in _in_parts(asked.source_ids, "dis_"):
        paid = Disbursement.objects.filter(pk__in=ids, organization=asked.organization_id)
        found.update(paid.values_list("id", "payee_name"))
    for ids in _in_parts(asked.source_ids, "pyt_"):
        payouts = Payout.objects.filter(pk__in=ids, organization=asked.organization_id)
        payouts = payouts.exclude(account__gateway__in=NO_COMPANIES)
        found.update(payouts.values_list("id", "account__gateway"))
    for ids in _in_parts(asked.source_ids, "tmv_"):
        moved = TrustMovement.objects.filter(pk__in=ids, organization=asked.organization_id)
        owner_of = dict(moved.values_list("id", "owner"))
        names = dict(Organization.objects.filter(pk__in=set(owner_of.values())).values_list("id", "name"))
        found.update((id, names.get(owner, "")) for id, owner in owner_of.items())
    return {source_id: name for source_id, name in found.items() if name}


def _in_parts(source_ids: Iterable[str], prefix: str) -> Iterator[list[str]]:
    ours = [id for id in source_ids if id.startswith(prefix)]
    for start in range(0, len(ours), _AT_ONCE):
        yield ours[start : start + _AT_ONCE]
