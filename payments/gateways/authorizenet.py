"""Authorize.Net: cards by its JSON API, at one address for every request.

It has no idempotency key. What stands in its place: the duplicate window (eight hours, the longest there is) refuses
the same invoice number and amount, and our reference makes the invoice number unique; a request that comes later than
that looks first whether it was taken. So the same reference never charges twice.

**Asking by our reference** (`fetch`): the unsettled transactions are listed, then the settled batches since our
reference was made (it carries its time); a hit is read in full, and only one with our whole reference counts.

A refund needs a settled charge. Before that night a whole refund voids the charge, which is known by the charge alone;
a part is declined with their reason 54: it can be asked for the next day. Their API tells of no disputes and no fees:
both come from the acquiring bank.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from coverpay.kernel import clock
from coverpay.kernel.money import Money
from payments.gateways import authorizenet_webhooks
from payments.gateways import authorizenet_wire as wire
from payments.gateways.authorizenet_http import Api, Refused
from payments.gateways.base import (
    Capabilities,
    CaptureOrder,
    Charge,
    Connection,
    DisputeNews,
    InboundMessage,
    News,
    NotSent,
    Outcome,
    PayoutLineReport,
    PayoutReport,
    RefundOrder,
    Status,
    Unreadable,
)
from payments.gateways.http import Lost
from payments.gateways.stripe_wire import made_at

WINDOW = dt.timedelta(seconds=wire.DUPLICATE_SECONDS - 600)
BATCH_DAYS = 31
"""The most days that one list of batches spans."""
LOOK_BACK = dt.timedelta(days=3)
NOT_FOUND = Outcome(Status.DECLINED, code="charge_not_found", message="Authorize.Net knows no such charge.")


class AuthorizeNet:
    """One account at Authorize.Net."""

    name = "authorizenet"
    capabilities = Capabilities(
        methods=frozenset({"card"}),
        currencies=frozenset({"USD"}),
        max_minor=99_999_999,
        cost_ppm=29_000,
        cost_fixed_minor=30,
        settlement_days=1,
        idempotent=True,
        authorizes=True,
        partial_refunds=True,
    )

    def __init__(self, connection: Connection) -> None:
        self._api = Api(connection)
        self._currency = "USD"

    def charge(self, charge: Charge) -> Outcome:
        made = made_at(charge.reference)
        if made is not None and clock.now() - made > WINDOW:
            known = self.fetch(charge.merchant, charge.reference)
            if known.status is not Status.NOT_FOUND:
                return known
        return self._act(wire.charge_request(charge), charge.amount, charge.reference, held=not charge.capture)

    def capture(self, order: CaptureOrder) -> Outcome:
        known = self._known(order.charge_gateway_reference, order.charge_reference)
        if known is None:
            return NOT_FOUND
        now = _details(known, self._currency)
        if now.status is not Status.AUTHORIZED:
            return now
        request = wire.capture_request(order, str(known["transId"]))
        return self._act(request, order.amount, order.charge_reference)

    def void(self, merchant: str, reference: str) -> Outcome:
        """Let go what is held. What is captured already is too late, though their night has not come yet."""
        known = self._known("", reference)
        if known is None:
            return Outcome(Status.NOT_FOUND)
        now = _details(known, self._currency)
        if now.status not in (Status.AUTHORIZED, Status.PENDING):
            return now
        said = self._act(wire.void_request(wire.ref_id_of(reference), str(known["transId"])), now.amount, reference)
        return Outcome(Status.VOIDED, said.gateway_reference) if said.status is Status.SUCCEEDED else said

    def refund(self, order: RefundOrder) -> Outcome:
        known = self._known(order.charge_gateway_reference, order.charge_reference)
        if known is None:
            return NOT_FOUND
        now = _details(known, self._currency)
        if known["transactionStatus"] in wire.UNSETTLED or now.status is Status.VOIDED:
            return self._refund_by_void(order, known, now)
        return self._act(
            wire.refund_request(order, str(known["transId"]), wire.card_of(known)), order.amount, order.reference
        )

    def fetch(self, merchant: str, reference: str) -> Outcome:
        found = self._find(reference)
        return Outcome(Status.NOT_FOUND) if found is None else _details(found, self._currency)

    def verify(self, headers: Mapping[str, str], body: bytes, *, secret: str) -> InboundMessage:
        return authorizenet_webhooks.verify(headers, body, secret=secret)

    def parse(self, body: bytes) -> list[News | DisputeNews]:
        return authorizenet_webhooks.parse(body, self._currency)

    def payouts(self, merchant: str, since: dt.date) -> list[PayoutReport]:
        """Their settled batches, oldest first. What the acquiring bank keeps is not in them: the fees are zero."""
        until = max(clock.today(), since) + dt.timedelta(days=1)
        batches = [batch for batch in self._batches(since, until) if _paid_on(batch) >= since]
        reports = [self._report(batch) for batch in sorted(batches, key=lambda batch: str(batch["settlementTimeUTC"]))]
        return [report for report in reports if report.lines]

    def _act(self, request: dict[str, Any], asked: Money | None, reference: str, *, held: bool = False) -> Outcome:
        """Ask for a transaction; a duplicate is what it was the first time. Raises: NotSent."""
        amount = asked or Money(0, self._currency)
        try:
            response = self._api.ask("createTransactionRequest", request).get("transactionResponse")
            if not isinstance(response, dict):
                return Outcome(Status.UNKNOWN, code="unreadable", message="an answer without its transaction")
            said = wire.of_reply(response, amount, held=held)
        except Refused as refused:
            return Outcome(Status.DECLINED, code=refused.code, message=f"{refused} ({refused.code})")
        except Lost as error:
            return Outcome(Status.UNKNOWN, code="no_answer", message=str(error))
        except Unreadable as error:
            return Outcome(Status.UNKNOWN, code="unreadable", message=str(error))
        return self._first_time(said, reference) if said.code == wire.DUPLICATE else said

    def _first_time(self, said: Outcome, reference: str) -> Outcome:
        """What a duplicate was the first time; while its list does not show it, nobody can say."""
        try:
            known = self._find(reference)
        except NotSent as error:
            return Outcome(Status.UNKNOWN, code=said.code, message=str(error))
        if known is None:
            return Outcome(Status.UNKNOWN, code=said.code, message=said.message)
        return _details(known, self._currency)

    def _refund_by_void(self, order: RefundOrder, known: Mapping[str, Any], now: Outcome) -> Outcome:
        """Give back before the night: the whole by a void, a part not yet."""
        taken = wire.money(known["authAmount"], self._currency) if now.status is Status.VOIDED else now.amount
        if order.amount != taken:
            return Outcome(
                Status.DECLINED, code=wire.NOT_CREDITABLE, message="a part goes back once the charge has settled"
            )
        if now.status is not Status.VOIDED:
            said = self._act(
                wire.void_request(order.reference[: wire.INVOICE_LETTERS], str(known["transId"])),
                order.amount,
                order.reference,
            )
            if said.status is not Status.SUCCEEDED:
                return said
        return Outcome(Status.SUCCEEDED, str(known["transId"]), amount=order.amount)

    def _known(self, transaction: str, reference: str) -> dict[str, Any] | None:
        """A charge in full, by their number or our reference. Raises: NotSent while nobody can say."""
        if transaction:
            found = self._one(transaction)
            return found if found is not None and wire.reference_of(found) == reference else None
        return self._find(reference)

    def _one(self, transaction: str) -> dict[str, Any] | None:
        told = self._api.look("getTransactionDetailsRequest", {"transId": transaction})
        found = told.get("transaction")
        return found if isinstance(found, dict) else None

    def _find(self, reference: str) -> dict[str, Any] | None:
        """The transaction of a reference; one that was taken rather than one that was declined. Raises: NotSent."""
        declined: dict[str, Any] | None = None
        for row in self._listed(reference):
            if row.get("invoiceNumber") != wire.invoice_of(reference):
                continue
            found = self._one(str(row.get("transId")))
            if found is None or wire.reference_of(found) != reference:
                continue
            if _details(found, self._currency).status is not Status.DECLINED:
                return found
            declined = declined or found
        return declined

    def _listed(self, reference: str) -> Iterator[Mapping[str, Any]]:
        """What may be the transaction of a reference: unsettled ones, then those settled since it was made."""
        yield from self._api.pages("getUnsettledTransactionListRequest", {})
        made = min(made_at(reference) or clock.now() - LOOK_BACK, clock.now())
        for batch in self._batches(made.date() - dt.timedelta(days=1), clock.today() + dt.timedelta(days=1)):
            yield from self._api.pages("getTransactionListRequest", {"batchId": str(batch["batchId"])})

    def _batches(self, since: dt.date, until: dt.date) -> Iterator[Mapping[str, Any]]:
        first = since
        while first <= until:
            last = min(first + dt.timedelta(days=BATCH_DAYS - 1), until)
            span = {
                "firstSettlementDate": f"{first.isoformat()}T00:00:00Z",
                "lastSettlementDate": f"{last.isoformat()}T23:59:59Z",
            }
            rows = self._api.look("getSettledBatchListRequest", span).get("batchList")
            yield from rows if isinstance(rows, list) else []
            first = last + dt.timedelta(days=1)

    def _report(self, batch: Mapping[str, Any]) -> PayoutReport:
        lines = tuple(
            line
            for row in self._api.pages("getTransactionListRequest", {"batchId": str(batch["batchId"])})
            if (line := self._line(row)) is not None
        )
        net = Money(sum(line.gross_minor for line in lines), self._currency)
        return PayoutReport(str(batch["batchId"]), net, _paid_on(batch), lines)

    def _line(self, row: Mapping[str, Any]) -> PayoutLineReport | None:
        kind, sign = wire.KINDS.get(str(row.get("transactionStatus")), ("", 0))
        if not kind:
            return None
        name = str(row["transId"])
        whole = self._one(name) or {}
        gross = sign * wire.money(row["settleAmount"], self._currency).amount_minor
        return PayoutLineReport(kind, wire.reference_of(whole), name, gross, 0)


def _paid_on(batch: Mapping[str, Any]) -> dt.date:
    """The day of a batch. Raises: NotSent when it cannot be read."""
    return _read(lambda: wire.moment(str(batch["settlementTimeUTC"])).date())


def _details(transaction: Mapping[str, Any], currency: str) -> Outcome:
    try:
        return wire.of_details(transaction, currency)
    except Unreadable as error:
        return Outcome(Status.UNKNOWN, code="unreadable", message=str(error))


def _read(reading: Callable[[], dt.date]) -> dt.date:
    try:
        return reading()
    except (KeyError, ValueError) as error:
        raise NotSent(f"the list of batches cannot be read: {error!r}") from None
