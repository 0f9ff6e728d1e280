"""The main job's second chapter: a policy bound, paid, endorsed, cancelled and reinstated through the public API.

Every figure is read from what the change wrote, so running it again changes nothing and prints the same.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from decimal import Decimal
from functools import partial
from typing import TYPE_CHECKING, Any

from coverpay.demo.client import StepFailed, wait_for
from coverpay.kernel.money import Money

if TYPE_CHECKING:
    from coverpay.demo.job import Job

NUMBER = "HPU-26-00101"
PREMIUM_MINOR, RAISED_MINOR = 12_000_00, 14_400_00
BEGINS, RAISED_ON, ENDED_ON, SECOND_DUE_ON = "2026-01-01", "2026-03-01", "2026-04-11", "2026-07-01"
PLAN = "halves"
TOLD_INPUTS = ("rate", "share", "days", "term_days", "method", "lapse_days")
ENDINGS = ("pro_rata", "short_rate_90")
INSURED = {
    "reference": "INS-1101",
    "name": "Diamond Head Bakery LLC",
    "email": "office@dhbakery.example",
    "address_line": "3046 Monsarrat Ave",
    "city": "Honolulu",
    "state": "HI",
    "postal_code": "96815",
}
QUOTE = {
    "number": NUMBER,
    "program": "hi-commercial",
    "insured": INSURED,
    "state": "HI",
    "effective_on": BEGINS,
    "expires_on": "2027-01-01",
    "premium_minor": PREMIUM_MINOR,
    "plan": PLAN,
    "agency_code": "lighthouse",
}


def compare(job: Job) -> None:
    """Quote another policy and compare what each plan would ask for."""
    found = job.api.rows("policies", number=NUMBER)
    job.life = found[0] if found else job.api.post("policies", f"main job: quote {NUMBER}", QUOTE)
    options = _kept(job, "plans", lambda: _posted(job, "plan-comparisons", {"policy": job.life["id"]})["options"])
    job.note(f"policy {NUMBER}, {INSURED['name']}: premium {_money(PREMIUM_MINOR)} from {BEGINS}")
    for option in (option for option in options if not option["refused"]):
        bills = "1 bill" if option["number"] == 1 else f"{option['number']} bills"
        fees = f", fees {_money(option['fees_minor'])}" if option["fees_minor"] else ""
        down = f"first {_money(option['down_payment_minor'])}"
        job.figure(f"plan {option['plan']}: {bills}, {down}{fees}", option["total_minor"])


def bind(job: Job) -> None:
    """Bind it: each charge with its formula."""
    if job.life["state"] == "quoted":
        job.life = job.api.post(f"policies/{job.life['id']}/bind", f"main job: bind {job.life['id']}")
    _tell_charges(job, _transaction(job, "new_business"))


def pay_first_half(job: Job) -> None:
    """Bill the first half and collect it."""
    number = f"{NUMBER}-001"
    found = job.api.rows("invoices", number=number)
    asked = {"policy": job.life["id"], "through": BEGINS}
    invoice = found[0] if found else job.api.post("invoices", f"main job: invoice {number}", asked)
    job.figure(f"invoice {number} due {invoice['due_on']}", invoice["total_minor"])
    payment = _paid(job, invoice["id"])
    job.figure(f"payment {payment['state']}", payment["attempts"][0]["taken_minor"])


def endorse(job: Job) -> None:
    """Raise the premium from a day that is past: a new schedule replaces what is not billed."""
    body = {"effective_on": RAISED_ON, "new_full_term_minor": RAISED_MINOR, "reason": "A second oven was installed."}
    change = _found(job, "endorsement") or _act(job, "endorse", body)
    job.note(f"from {RAISED_ON} a full term costs {_money(RAISED_MINOR)} instead of {_money(PREMIUM_MINOR)}")
    _tell_charges(job, change)
    before, after = (_schedule(job, _transaction(job, kind)) for kind in ("new_business", "endorsement"))
    for installment in (row for row in before["installments"] if row["replaced_by"] == after["id"]):
        job.figure(f"was: installment {installment['sequence']} due {installment['due_on']}", _sum(installment))
    for installment in after["installments"]:
        job.figure(f"now: installment {installment['sequence']} due {installment['due_on']}", _sum(installment))


def compare_endings(job: Job) -> None:
    """Work out what cancelling would return, before anything is written."""
    path = f"policies/{job.life['id']}/preview-cancellation"
    for method in ENDINGS:
        asked = {"effective_on": ENDED_ON, "method": method}
        draft = _kept(job, f"ending-{method}", partial(_posted, job, path, asked))
        job.figure(f"{method.replace('_', ' ')} on {ENDED_ON}: premium returned", -draft["premium_minor"])


def cancel(job: Job) -> None:
    """Cancel pro rata: premium, tax and commission go back; cash that paid for them waits."""
    body = {"effective_on": ENDED_ON, "method": "pro_rata", "note": "The bakery was sold."}
    if not _found(job, "cancellation"):
        job.api.post(f"policies/{job.life['id']}/cancel", f"main job: cancel {job.life['id']}", body)
    change = _transaction(job, "cancellation")
    _tell_charges(job, change)
    premium = next(charge for charge in change["charges"] if charge["component"] == "premium")
    job.figure("commission given back, at the rate it was earned", _commission_minor(premium))
    _tell_return(job, change)


def _tell_return(job: Job, change: dict[str, Any]) -> None:
    """Print what a change gave back of what was billed, and by when its cash is owed."""
    rows = job.api.rows("return-premiums", policy=job.life["id"])
    owed = next(row for row in rows if row["transaction_id"] == change["id"])
    job.figure("credited on what was billed", owed["credited_minor"])
    job.figure("of it taken by charges that stay", owed["credited_minor"] - owed["refundable_minor"])
    job.figure("left: unapplied cash, owed back", owed["refundable_minor"])
    source = f" [{owed['citation']}]" if owed["citation"] else ""
    job.note(f"owed by {owed['due_on']}{source}" if owed["due_on"] else "owed by a day that a person must decide:")
    if owed["needs_decision"]:
        job.note(f"  {owed['needs_decision']}{source}")


def reinstate(job: Job) -> None:
    """Reinstate without a lapse: every charge stands again."""
    body = {"effective_on": ENDED_ON, "reason": "The sale fell through.", "no_loss": True}
    change = _found(job, "reinstatement") or _act(job, "reinstate", body)
    _tell_charges(job, change)
    job.figure("to be billed anew", sum(map(_sum, _schedule(job, change)["installments"])))


def pay_rest(job: Job) -> None:
    """Bill what stands again: the waiting cash covers some of it, the rest is collected."""
    change = _transaction(job, "reinstatement")
    if not _billed(job, change):
        job.api.post("invoices", f"main job: bill again {change['id']}", {"policy": job.life["id"]})
    payments = [_paid(job, invoice) for invoice in _billed(job, change)]
    taken = sum(payment["attempts"][0]["taken_minor"] for payment in payments)
    again = sum(map(_sum, _schedule(job, change)["installments"]))
    job.figure("billed", again)
    job.figure("covered by cash that waited", again - taken)
    job.figure("collected", taken)


def _billed(job: Job, change: dict[str, Any]) -> list[str]:
    """The invoices that the installments of a change became."""
    return sorted({row["invoice"] for row in _schedule(job, change)["installments"] if row["invoice"]})


def earned(job: Job) -> None:
    """Tell premium earned and unearned on a day."""
    for day in (ENDED_ON, SECOND_DUE_ON):
        term = job.api.get(f"policies/{job.life['id']}/earned", as_of=day)[0]
        job.figure(f"earned before {day}", term["earned_minor"])
        job.figure(f"unearned from {day}", term["unearned_minor"])
    job.figure("written", term["written_minor"])


def _found(job: Job, kind: str) -> dict[str, Any] | None:
    rows = job.api.rows("transactions", term__policy=job.life["id"], kind=kind)
    return rows[0] if rows else None


def _transaction(job: Job, kind: str) -> dict[str, Any]:
    found = _found(job, kind)
    if found is None:
        raise StepFailed(f"policy {NUMBER} has no {kind.replace('_', ' ')}")
    return found


def _act(job: Job, verb: str, body: dict[str, Any]) -> dict[str, Any]:
    return dict(job.api.post(f"policies/{job.life['id']}/{verb}", f"main job: {verb} {job.life['id']}", body))


def _schedule(job: Job, transaction: dict[str, Any]) -> dict[str, Any]:
    rows = job.api.rows("schedules", policy=job.life["id"])
    return next(row for row in rows if row["transaction_id"] == transaction["id"])


def _tell_charges(job: Job, transaction: dict[str, Any]) -> None:
    """Print what a transaction charged (below zero: gave back), each with its formula and citation."""
    why = {row["subject_id"]: row for row in job.api.get(f"policies/{job.life['id']}/why")}
    for charge in transaction["charges"]:
        reason = why[charge["id"]]
        source = f" [{reason['citation']}]" if reason["citation"] else ""
        job.figure(charge["component"].replace("_", " ") + source, charge["amount_minor"])
        job.note(f"  {reason['formula']}")
        inputs = _inputs(reason)
        if len(inputs) > 1:
            job.note(f"  {', '.join(inputs)}")


def _inputs(reason: dict[str, Any]) -> list[str]:
    """The numbers of a formula, amounts in units; what the formula itself says is left out."""
    names = [name for name in reason["inputs"] if name.endswith("_minor") or name in TOLD_INPUTS]
    return [
        f"{name.removesuffix('_minor').replace('_', ' ')} "
        + (_money(reason["inputs"][name]) if name.endswith("_minor") else str(reason["inputs"][name]))
        for name in sorted(names)
    ]


def _paid(job: Job, invoice_id: str) -> dict[str, Any]:
    """The payment of an invoice that succeeded, asked for unless an earlier run did. Raises: StepFailed."""
    found = [row for row in job.api.rows("payments", invoice=invoice_id) if row["state"] != "failed"]
    asked = {"invoice": invoice_id, "method": "card", "token": "tok_ok"}
    payment = found[0] if found else job.api.post("payments", f"main job: pay {invoice_id}", asked)
    payment = wait_for("the payment's outcome", lambda: _decided(job, payment["id"]))
    if payment["state"] != "succeeded":
        raise StepFailed(f"the payment is {payment['state']}")
    return dict(payment)


def _decided(job: Job, payment_id: str) -> dict[str, Any] | None:
    payment: dict[str, Any] = job.api.get(f"payments/{payment_id}")
    return None if payment["state"] == "processing" else payment


def _commission_minor(charge: dict[str, Any]) -> int:
    rate = Decimal(charge["commission_ppm"]) / 1_000_000
    return Money(-charge["amount_minor"], charge["currency"]).times(rate).amount_minor


def _posted(job: Job, path: str, body: dict[str, Any]) -> Any:
    """Ask for something that is only worked out; the key names the question."""
    return job.api.post(path, f"main job: {path} {json.dumps(body, sort_keys=True)}", body)


def _kept(job: Job, name: str, ask: Callable[[], Any]) -> Any:
    """What was worked out before a change, kept in the job's folder: afterwards the answer may differ."""
    file = job.folder / f"{NUMBER}-{name}.json"
    if not file.exists():
        file.write_text(json.dumps(ask(), indent=2))
    return json.loads(file.read_text())


def _sum(installment: dict[str, Any]) -> int:
    return sum(item["amount_minor"] for item in installment["items"])


def _money(minor: int) -> str:
    return f"{Money(minor).decimal:,.2f}"


STEPS: tuple[Callable[[Job], None], ...] = (
    compare, bind, pay_first_half, endorse, compare_endings, cancel, reinstate, pay_rest, earned
)  # fmt: skip
