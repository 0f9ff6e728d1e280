"""The main job through the public API: one premium to the bank line, one policy through its life, money won back.

Every step finds what an earlier run did, so running it again changes nothing and prints the same figures.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from coverpay.demo import bank, book, breaking_job, collect_job, life_job, reconcile_job
from coverpay.demo.bank import Movement
from coverpay.demo.client import Client, StepFailed, wait_for
from coverpay.demo.processor.client import Processor
from coverpay.demo.receiver import Receiver
from coverpay.kernel import clock
from coverpay.kernel.money import Money
from payments.gateways.sandbox import Sandbox

POLICIES_FILE = Path(__file__).parent / "data" / "policies.csv"
POLICY_NUMBER = "HPU-26-00001"
RECEIVER = "Main job's receiver"
AWAITED_EVENTS = ("policy.bound", "invoice.issued", "payment.succeeded", "invoice.paid", "payout.recorded",
                  "statement.matched", "policy.endorsed", "policy.cancelled", "return_premium.owed",
                  "policy.reinstated", "payment.failed", "recovery.recovered", "payment.refunded",
                  "disbursement.issued", "break.resolved")  # fmt: skip


@dataclass(slots=True)
class Job:
    """What the steps hand on: the API, where files go, and what was found so far; `life` is the second policy.

    `processor` breaks on purpose; it runs as long as the job does.
    """

    api: Client
    folder: Path
    sandbox: Sandbox
    processor: Processor
    say: Callable[[str], None]
    policy: dict[str, Any] = field(default_factory=dict)
    invoice: dict[str, Any] = field(default_factory=dict)
    payment: dict[str, Any] = field(default_factory=dict)
    payout: dict[str, Any] = field(default_factory=dict)
    life: dict[str, Any] = field(default_factory=dict)

    def figure(self, text: str, amount_minor: int) -> None:
        self.say(f"     {text:<58}{Money(amount_minor).decimal:>14,.2f}")

    def note(self, text: str) -> None:
        self.say(f"     {text}")

    def import_statement(self, file: Path) -> dict[str, Any]:
        """Send a statement file; sent before, it is the first import. Raises: StepFailed when it is quarantined."""
        sent = {"file": (file.name, file.read_bytes(), "application/octet-stream")}
        found: dict[str, Any] = self.api.post("statements", f"main job: {file.name}", files=sent)
        if found["state"] != "imported":
            raise StepFailed(f"{file.name} was quarantined: {found['problems']}")
        return found


def run(job: Job) -> None:
    """Run every step in order. Raises: StepFailed."""
    with Receiver() as receiver, job.processor:
        endpoint = listen(job, receiver)
        for number, step in enumerate(STEPS, start=1):
            title = (step.__doc__ or "").splitlines()[0].rstrip(".")
            job.say(f"\n {number:>2}  {title}")
            step(job)
        job.say(f"\n {len(STEPS) + 1:>2}  Deliver signed webhooks to a local receiver")
        hear(job, receiver, endpoint)


def listen(job: Job, receiver: Receiver) -> str:
    """Point the organization's endpoint at the local receiver, with a fresh signing secret. Gives its id."""
    known = [row for row in job.api.rows("webhook-endpoints") if row["description"] == RECEIVER]
    moment = f"{receiver.url} {clock.now()}"
    if not known:
        new = {"url": receiver.url, "description": RECEIVER}
        made = job.api.post("webhook-endpoints", f"main job: endpoint {moment}", new)
        receiver.secret = made["secret"]
        return str(made["id"])
    path = f"webhook-endpoints/{known[0]['id']}"
    job.api.patch(path, {"url": receiver.url})
    rotated = job.api.post(f"{path}/rotate-secret", f"main job: rotate {moment}", {"overlap_hours": 0})
    receiver.secret = rotated["secret"]
    if known[0]["disabled_at"]:
        job.api.post(f"{path}/enable", f"main job: enable {moment}")
    return str(known[0]["id"])


def import_policies(job: Job) -> None:
    """Import policies from a CSV file."""
    content = POLICIES_FILE.read_bytes()
    found = job.api.rows("policy-imports", state="imported")
    done = next((row for row in found if row["file_name"] == POLICIES_FILE.name), None)
    done = done or job.api.post(
        "policy-imports", "main job: import", files={"file": (POLICIES_FILE.name, content, "text/csv")}
    )
    if done["state"] != "imported":
        raise StepFailed(f"{POLICIES_FILE.name} was refused: {done['problems']}")
    job.note(f"{POLICIES_FILE.name}: {done['row_count']} rows, {done['policy_count']} policies, 0 problems")


def bind(job: Job) -> None:
    """Bind the quote: its charges by component are owed."""
    job.policy = job.api.rows("policies", number=POLICY_NUMBER)[0]
    if job.policy["state"] == "quoted":
        job.policy = job.api.post(f"policies/{job.policy['id']}/bind", f"main job: bind {job.policy['id']}")
    job.note(f"policy {POLICY_NUMBER}, {job.policy['insured']['name']}: {job.policy['state']}")
    why = {row["subject_id"]: row for row in job.api.get(f"policies/{job.policy['id']}/why")}
    for charge in job.policy["charges"]:
        reason = why[charge["id"]]
        source = f" [{reason['citation']}]" if reason["citation"] else ""
        job.figure(charge["component"].replace("_", " ") + source, charge["amount_minor"])
    job.figure("total charged", sum(charge["amount_minor"] for charge in job.policy["charges"]))


def schedule(job: Job) -> None:
    """Set the installments by the payment plan."""
    schedule = job.api.rows("schedules", policy=job.policy["id"])[0]
    for installment in schedule["installments"]:
        amount = sum(item["amount_minor"] for item in installment["items"])
        job.figure(f"installment {installment['sequence']} due {installment['due_on']}", amount)


def invoice(job: Job) -> None:
    """Issue the first invoice."""
    found = job.api.rows("invoices", number=f"{POLICY_NUMBER}-001")
    job.invoice = found[0] if found else _issue(job)
    for line in job.invoice["lines"]:
        job.figure(line["component"].replace("_", " "), line["amount_minor"])
    job.figure(f"invoice {job.invoice['number']} due {job.invoice['due_on']}", job.invoice["total_minor"])


def _issue(job: Job) -> dict[str, Any]:
    body = {"policy": job.policy["id"], "through": job.policy["terms"][0]["effective_on"]}
    return dict(job.api.post("invoices", f"main job: invoice {job.policy['id']}", body))


def pay(job: Job) -> None:
    """Collect it through the gateway."""
    invoice_id = job.invoice["id"]
    found = [row for row in job.api.rows("payments", invoice=invoice_id) if row["state"] != "failed"]
    payment = found[0] if found else job.api.post(
        "payments", f"main job: pay {invoice_id}", {"invoice": invoice_id, "method": "card", "token": "tok_ok"}
    )  # fmt: skip
    job.payment = wait_for("the payment's outcome", lambda: _decided(job, payment["id"]))
    if job.payment["state"] != "succeeded":
        raise StepFailed(f"the payment is {job.payment['state']}")
    attempt = job.payment["attempts"][0]
    job.note(f"{'; '.join(attempt['routing']['reasons'])}; reference {attempt['gateway_reference']}")
    job.figure(f"payment {job.payment['state']}", attempt["taken_minor"])


def _decided(job: Job, payment_id: str) -> dict[str, Any] | None:
    payment: dict[str, Any] = job.api.get(f"payments/{payment_id}")
    return None if payment["state"] == "processing" else payment


def apply_cash(job: Job) -> None:
    """Apply the cash; the ledger keeps fiduciary money and our commission apart."""
    entries = job.api.rows("ledger-entries", subject_id=job.policy["id"], kind="cash.applied")
    lines = [line for line in entries[0]["lines"] if line["account"] not in _COUNTER_ACCOUNTS]
    for line in lines:
        job.figure(line["account"].replace("_", " "), -line["amount_minor"])
    commission = sum(-line["amount_minor"] for line in lines if line["account"] == "commission_in_trust")
    collected = sum(-line["amount_minor"] for line in lines)
    job.figure("carrier side, stays in trust", collected - commission)
    job.figure("commission, at most this may move to operating", commission)
    invoice = job.api.get(f"invoices/{job.invoice['id']}")
    job.figure(f"invoice {invoice['number']} {invoice['state']}; open", invoice["open_minor"])


_COUNTER_ACCOUNTS = ("unapplied_cash", "premium_receivable", "billed_uncollected")


def pay_out(job: Job) -> None:
    """Record the processor's payout, net of its fee."""
    account = job.api.rows("gateway-accounts")[0]
    job.sandbox.close_day(account["merchant"], clock.today())
    since = (clock.today() - dt.timedelta(days=366)).isoformat()
    reference = job.payment["attempts"][0]["id"]
    known = job.api.rows("payouts", account=account["id"])
    if not any(_holds(payout, reference) for payout in known):
        key = f"main job: payouts {reference}"
        known = job.api.post("payouts", key, {"account": account["id"], "since": since})["payouts"]
    job.payout = next(payout for payout in known if _holds(payout, reference))
    line = next(line for line in job.payout["lines"] if line["our_reference"] == reference)
    job.figure("gross", line["gross_minor"])
    job.figure("processor's fee, owed to trust by operating", line["fee_minor"])
    job.figure(f"payout {job.payout['reference']}, net", job.payout["amount_minor"])


def _holds(payout: dict[str, Any], reference: str) -> bool:
    return any(line["our_reference"] == reference for line in payout["lines"])


def read_statement(job: Job) -> None:
    """Import the bank's BAI2 statement; opening and lines must make the closing."""
    file = job.folder / f"statement-{job.payout['reference']}.bai2"
    if not file.exists():
        amount, reference = job.payout["amount_minor"], job.payout["reference"]
        moved = [
            Movement(amount, bank.ACH_CREDIT, reference, "SANDBOX PROCESSOR PAYOUT"),
            Movement(-bank.SERVICE_CHARGE_MINOR, bank.FEE, "", "MONTHLY SERVICE CHARGE"),
        ]
        file.write_text(
            bank.statement(
                bank_id=book.BANK_ID,
                account=book.ACCOUNT_MARK,
                on=dt.date.fromisoformat(job.payout["paid_on"]),
                opening_minor=0,
                moved=moved,
            )
        )
    found = job.import_statement(file)
    statement = found["statements"][0]
    job.note(f"{file.name}: {found['line_count']} lines")
    job.figure("opening", statement["opening_minor"])
    job.figure("lines", statement["closing_minor"] - statement["opening_minor"])
    job.figure("closing", statement["closing_minor"])


def match(job: Job) -> None:
    """Match bank lines to the ledger; what does not tie is a break."""
    account = job.api.rows("bank-accounts")[0]
    job.api.post("matching-runs", f"main job: match {job.payout['id']} {clock.now()}", {"bank_account": account["id"]})
    for row in job.api.rows("matches", bank_account=account["id"]):
        job.note(f"matched {row['stage']}, score {row['score']}: {row['reason']}")
    for row in job.api.rows("breaks", bank_account=account["id"]):
        job.figure(f"break, {row['kind'].replace('_', ' ')}", row["difference_minor"])


def prove(job: Job) -> None:
    """Prove the books: trial balance zero, every entry balanced, all ties hold."""
    balances = job.api.get("trial-balance")
    for fund in ("trust", "operating"):
        for row in (row for row in balances if row["fund"] == fund and row["balance_minor"]):
            job.figure(f"{fund} · {row['code'].replace('_', ' ')}", row["balance_minor"])
    job.figure("trial balance", sum(row["balance_minor"] for row in balances))


def hear(job: Job, receiver: Receiver, endpoint: str) -> None:
    """Wait until every awaited event is delivered, in this run or an earlier one, then take the receiver away."""
    delivered = wait_for("the webhooks", lambda: _all_delivered(job, endpoint))
    for type in AWAITED_EVENTS:
        tries = [row["try_count"] for row in delivered if row["event_type"] == type]
        job.note(f"{type:<20} {len(tries):>3} delivered, {sum(tries)} tries")
    job.note(f"{len(receiver.received)} messages of this run verified by their signature (Standard Webhooks)")
    job.api.post(
        f"webhook-endpoints/{endpoint}/disable",
        f"disable {receiver.url} {clock.now()}",
        {"reason": "The main job is over and its receiver is gone."},
    )


def _all_delivered(job: Job, endpoint: str) -> list[dict[str, Any]] | None:
    rows = job.api.rows("webhook-deliveries", endpoint=endpoint, state="delivered")
    return rows if set(AWAITED_EVENTS) <= {row["event_type"] for row in rows} else None


STEPS: tuple[Callable[[Job], None], ...] = (
    import_policies,
    bind,
    schedule,
    invoice,
    pay,
    apply_cash,
    pay_out,
    read_statement,
    match,
    *life_job.STEPS,
    *collect_job.STEPS,
    *breaking_job.STEPS,
    *reconcile_job.STEPS,
    collect_job.trust,
    prove,
)
