"""The main job's fourth chapter: a processor that breaks on purpose, and its books beside ours.

It is a server of its own process on loopback, reached by the `stripe` gateway. Every step finds what an earlier run
did: the processor keeps its books in a file, so running it again charges nobody and prints the same figures.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from coverpay.demo.client import StepFailed, wait_for
from coverpay.kernel import clock

if TYPE_CHECKING:
    from coverpay.demo.job import Job

KEY = "sk_test_main_job"
PREMIUM_MINOR = 1_000_00
READ_SECONDS = 2
LATE_SECONDS = 3
LOST = {"lost_ppm": 1_000_000}
TWICE = {"seed": 7, "twice_ppm": 1_000_000, "late_seconds": LATE_SECONDS}
INSURED = {
    "address_line": "1001 Bishop Street",
    "city": "Honolulu",
    "state": "HI",
    "postal_code": "96813",
}
RULES = [{"name": "the processor that breaks", "when": {"method": ["card", "ach"]}, "to": ["stripe"]}]


@dataclass(frozen=True, slots=True)
class Wish:
    """One payment: what goes wrong with it, and how the processor delivers its webhooks."""

    number: str
    insured: str
    method: str
    token: str
    says: str
    deliveries: dict[str, int]


WISHES = (
    Wish("HPU-26-00301", "Ala Moana Surf Co", "card", "pm_card_visa",
         "card, every webhook twice and out of order", TWICE),
    Wish("HPU-26-00302", "Makapuu Roofing", "card", "pm_card_visa__timeout_after",
         "card, taken without an answer, webhook lost", LOST),
    Wish("HPU-26-00303", "Kaimuki Kitchens", "card", "pm_card_chargeDeclinedInsufficientFunds",
         "card, declined", TWICE),
    Wish("HPU-26-00304", "Manoa Orchids", "ach", "pm_usBankAccount_success",
         "bank debit, every webhook twice and out of order", TWICE),
    Wish("HPU-26-00305", "Waikiki Watch Repair", "ach", "pm_usBankAccount_success",
         "bank debit, every webhook lost", LOST),
)  # fmt: skip


def connect(job: Job) -> None:
    """Connect a processor that breaks on purpose: a server of its own process, with books of its own."""
    bank = job.api.rows("bank-accounts")[0]
    secret = f"whsec_{secrets.token_hex(16)}"
    settings = {"base_url": job.processor.url, "connect_seconds": 1, "read_seconds": READ_SECONDS}
    account = _account(job)
    if account is None:
        asked = {"gateway": "stripe", "merchant": KEY, "bank_account": bank["id"], "settings": settings,
                 "credentials": {"secret_key": KEY}, "webhook_secret": secret}  # fmt: skip
        account = job.api.post("gateway-accounts", "main job: connect stripe", asked)
    else:
        path, moment = f"gateway-accounts/{account['id']}", clock.now()
        job.api.post(f"{path}/change-settings", f"main job: settings {moment}", {"settings": settings})
        job.api.post(f"{path}/change-credentials", f"main job: secret {moment}", {"webhook_secret": secret})
    job.processor.ask("endpoint", account=KEY, url=f"{job.api.site}/hooks/{account['id']}/", secret=secret)
    job.processor.ask("settings", hang_seconds=READ_SECONDS + 1)
    job.note(f"process {job.processor.pid} at {job.processor.url}, by the gateway {account['gateway']}")


def pay_through_faults(job: Job) -> None:
    """Take payments while answers are lost, and webhooks come twice, out of order or never."""
    with _routed_there(job):
        for wish in WISHES:
            invoice = _invoice(job, wish)
            if job.api.rows("payments", invoice=invoice["id"]):
                continue
            job.processor.ask("settings", deliveries=wish.deliveries)
            asked = {"invoice": invoice["id"], "method": wish.method, "token": wish.token}
            payment = job.api.post("payments", f"main job: pay {invoice['id']}", asked)
            wait_for("the charge to be sent", partial(_is_sent, job, payment["id"]))
            job.processor.settle(KEY)  # days pass there: a bank debit goes through
    for wish in WISHES:
        job.figure(wish.says, _payment(job, wish)["amount_minor"])


def resolve(job: Job) -> None:
    """Let webhooks and sweeps find out what became of each, one by one."""
    for wish in WISHES:
        payment = wait_for(f"the outcome of {wish.number}", partial(_decided, job, wish))
        attempt = payment["attempts"][-1]
        job.figure(f"{wish.number} {payment['state']}", attempt["taken_minor"] or 0)
        job.note("found by the sweep" if attempt["check_count"] else "known by its answer or a webhook")
    job.processor.ask("deliver")
    wait_for("the deliveries", lambda: not job.processor.ask("undelivered", account=KEY))
    told = job.processor.ask("deliveries", account=KEY)
    job.note(
        f"{told['events']} events: {told['deliveries']} deliveries, {told['lost']} events never delivered, "
        f"{told['out_of_order']} delivered out of order"
    )


def compare(job: Job) -> None:
    """Lay the processor's own books beside ours: they agree to the cent."""
    account = _account(job)
    assert account is not None
    ours = sum(
        row["balance_minor"]
        for row in job.api.get("trial-balance")
        if row["code"] == "processor_clearing" and row["owner"] == account["id"]
    )
    theirs = job.processor.ask("totals", account=KEY)
    taken = {row["metadata"]["coverpay_reference"]: row["taken"] for row in theirs["charges"] if row["taken"]}
    known = {
        attempt["id"]: attempt["taken_minor"]
        for wish in WISHES
        for attempt in _payment(job, wish)["attempts"]
        if attempt["taken_minor"]
    }
    job.figure(f"taken, by the processor's books, {len(taken)} charges", theirs["held"])
    job.figure(f"processor clearing, by our books, {len(known)} charges", ours)
    if taken != known or theirs["held"] != ours:
        raise StepFailed(f"the books differ: the processor has {taken}, we have {known}; {theirs['held']} and {ours}")
    job.figure("difference", theirs["held"] - ours)


@contextmanager
def _routed_there(job: Job) -> Iterator[None]:
    """Send every payment to the processor that breaks meanwhile, where one is to be sent at all."""
    if all(job.api.rows("payments", invoice=_invoice(job, wish)["id"]) for wish in WISHES):
        yield
        return
    before = [row["rules"] for row in job.api.rows("routing-tables") if row["rules"] != RULES]
    _route(job, RULES)
    try:
        yield
    finally:
        _route(job, before[-1])


def _route(job: Job, rules: list[dict[str, Any]]) -> None:
    asked = {"rules": rules, "effective_from": clock.today().isoformat()}
    job.api.post("routing-tables", f"main job: route {clock.now()}", asked)


def _account(job: Job) -> dict[str, Any] | None:
    found = [row for row in job.api.rows("gateway-accounts", gateway="stripe") if row["merchant"] == KEY]
    return found[0] if found else None


def _invoice(job: Job, wish: Wish) -> dict[str, Any]:
    """The invoice of a wish, its policy quoted, bound and billed unless an earlier run did."""
    number = f"{wish.number}-001"
    found = job.api.rows("invoices", number=number)
    if found:
        return dict(found[0])
    known = job.api.rows("policies", number=wish.number)
    policy = known[0] if known else job.api.post("policies", f"main job: quote {wish.number}", _quote(wish))
    if policy["state"] == "quoted":
        policy = job.api.post(f"policies/{policy['id']}/bind", f"main job: bind {policy['id']}")
    asked = {"policy": policy["id"], "through": "2026-02-01"}
    return dict(job.api.post("invoices", f"main job: invoice {number}", asked))


def _quote(wish: Wish) -> dict[str, Any]:
    return {
        "number": wish.number,
        "program": "hi-commercial",
        "insured": {"reference": f"INS-{wish.number[-3:]}", "name": wish.insured, **INSURED},
        "state": "HI",
        "effective_on": "2026-02-01",
        "expires_on": "2027-02-01",
        "premium_minor": PREMIUM_MINOR,
        "plan": "full",
        "agency_code": "lighthouse",
    }


def _payment(job: Job, wish: Wish) -> dict[str, Any]:
    rows = job.api.rows("payments", invoice=_invoice(job, wish)["id"])
    return dict(job.api.get(f"payments/{rows[0]['id']}"))


def _is_sent(job: Job, payment_id: str) -> bool:
    """Whether the processor has answered, or did not answer in time."""
    return job.api.get(f"payments/{payment_id}")["attempts"][-1]["state"] not in ("planned", "submitted")


def _decided(job: Job, wish: Wish) -> dict[str, Any] | None:
    payment = _payment(job, wish)
    return None if payment["state"] == "processing" else payment


STEPS: tuple[Callable[[Job], None], ...] = (connect, pay_through_faults, resolve, compare)
