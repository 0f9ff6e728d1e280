"""Stripe's payouts: each transfer to the bank with the balance transactions it consists of.

The category of a balance transaction says what it is (`reporting_category`): a capture of a part, for one, is written
as the whole and its reversal, which are one line here. A category that has no kind of its own, such as a reserve, keeps
its sign and carries no reference, so that settlement asks a person about it.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from typing import Any

from coverpay.kernel.errors import Invalid
from coverpay.kernel.money import Money
from payments.gateways import stripe_wire as wire
from payments.gateways.base import NotSent, PayoutLineReport, PayoutReport
from payments.gateways.stripe_http import Api, Refused

_KINDS = {
    "charge": "charge",
    "partial_capture_reversal": "charge",
    "charge_failure": "return",
    "refund": "refund",
    "refund_failure": "refund",
    "dispute": "dispute",
    "dispute_reversal": "dispute_won",
}
_FEES = frozenset({"fee", "network_cost", "tax"})


def payouts(api: Api, since: dt.date) -> list[PayoutReport]:
    """The payouts that arrived since a day, oldest first. Raises: NotSent."""
    begin = int(dt.datetime.combine(since, dt.time(), dt.UTC).timestamp())
    wanted = {"arrival_date": {"gte": begin}, "status": "paid"}
    try:
        found = [payout for page in api.pages("payouts", wanted) for payout in page]
        return [_report(api, payout) for payout in reversed(found)]
    except Refused as error:
        raise NotSent(f"Stripe will not list payouts: {error}") from None
    except (KeyError, TypeError, ValueError, AttributeError, Invalid) as error:
        raise NotSent(f"the payouts cannot be read: {error!r}") from None


def _report(api: Api, payout: dict[str, Any]) -> PayoutReport:
    wanted = {"payout": payout["id"], "expand": ["data.source"]}
    moved = [row for page in api.pages("balance_transactions", wanted) for row in page]
    return PayoutReport(
        reference=payout["id"],
        net=Money(payout["amount"], payout["currency"].upper()),
        paid_on=dt.datetime.fromtimestamp(payout["arrival_date"], dt.UTC).date(),
        lines=tuple(joined(_line(api, row) for row in reversed(moved) if row["reporting_category"] != "payout")),
    )


def joined(lines: Iterable[PayoutLineReport]) -> list[PayoutLineReport]:
    """Lines of the same kind about the same charge as one, in the order they began."""
    found: dict[tuple[str, str, str], PayoutLineReport] = {}
    for line in lines:
        key = (line.kind, line.our_reference, line.gateway_reference)
        known = found.get(key)
        gross, fee = (known.gross_minor, known.fee_minor) if known else (0, 0)
        found[key] = PayoutLineReport(*key, gross + line.gross_minor, fee + line.fee_minor)
    return list(found.values())


def _line(api: Api, row: dict[str, Any]) -> PayoutLineReport:
    category, gross, fee = row["reporting_category"], row["amount"], row["fee"]
    source = wire.thing(row.get("source"))
    if category in _FEES:
        return PayoutLineReport("fee", "", row["id"], 0, -row["net"])
    kind = _KINDS.get(category)
    if kind is None:
        return PayoutLineReport("charge" if gross > 0 else "refund", "", row["id"], gross, fee)
    if kind in ("dispute", "dispute_won"):
        charge = api.get(f"charges/{wire.name_of(source['charge'])}")
        if kind == "dispute" and wire.is_bank_debit(charge):
            kind = "return"
        return PayoutLineReport(kind, wire.reference_of(charge), source["id"], gross, fee)
    return PayoutLineReport(kind, wire.reference_of(source), source.get("id") or row["id"], gross, fee)
