"""The main job's third chapter: ways to pay, a decline won back, and money paid out, through the public API.

Every step finds what an earlier run did, so running it again changes nothing and prints the same.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from coverpay.demo.client import StepFailed, wait_for
from coverpay.kernel import clock

if TYPE_CHECKING:
    from coverpay.demo.job import Job

BY_BANK, BY_CARD = "HPU-26-00201", "HPU-26-00202"
PREMIUM_MINOR = 2_400_00
BACK_MINOR, EXTRA_MINOR = 100_00, 250_00
WORDS = "I authorize Harbor Pacific Underwriters to debit this account for my premium as it falls due."
INSUREDS = {
    BY_BANK: ("INS-1201", "Kailua Surf School", "130 Kailua Road", "Kailua", "96734"),
    BY_CARD: ("INS-1202", "Banyan Tree Books", "1016 Kapahulu Avenue", "Honolulu", "96816"),
}


def keep_account(job: Job) -> None:
    """Keep a bank account, its number sealed, with the payor's mandate."""
    policy = _policy(job, BY_BANK)
    found = job.api.rows("payment-methods", party=policy["insured"]["id"])
    asked = {
        "party": policy["insured"]["id"],
        "kind": "ach",
        "holder": "business",
        "holder_name": policy["insured"]["name"],
        "routing_number": "121000358",
        "account_number": "000733214806",
        "account_type": "checking",
    }
    method = found[0] if found else job.api.post("payment-methods", f"main job: account of {policy['id']}", asked)
    given = job.api.rows("mandates", payment_method=method["id"])
    words = {"payment_method": method["id"], "text": WORDS, "given": "agreement", "evidence": "Application, page 4"}
    mandate = given[0] if given else job.api.post("mandates", f"main job: mandate {method['id']}", words)
    job.note(f"{method['account_type']} account ending {method['last4']} at {method['routing_number']}")
    job.note(f"mandate {mandate['given']}, SEC code {mandate['sec_code']}: {mandate['text']}")


def debit(job: Job) -> None:
    """Debit it by the bank's own file: staged, batched, hashed."""
    policy = _policy(job, BY_BANK)
    invoice = _invoice(job, policy)
    method = job.api.rows("payment-methods", party=policy["insured"]["id"])[0]
    found = job.api.rows("payments", invoice=invoice["id"])
    asked = {"invoice": invoice["id"], "payment_method": method["id"]}
    payment = found[0] if found else job.api.post("payments", f"main job: debit {invoice['id']}", asked)
    wait_for("the entry of the debit", lambda: job.api.rows("ach-entries", reference=payment["attempts"][0]["id"]))
    entry = job.api.rows("ach-entries", reference=payment["attempts"][0]["id"])[0]
    if entry["state"] == "staged":
        job.api.post("ach-files", f"main job: file of {entry['id']}", {"account": entry["account"]})
        entry = job.api.get(f"ach-entries/{entry['id']}")
    file = job.api.get(f"ach-files/{entry['file']}")
    job.note(
        f"{payment['attempts'][0]['routing']['reasons'][-1]}; settles on {entry['settles_on'] or entry['effective_on']}"
    )
    job.figure(
        f"entry {entry['transaction_code']} {entry['sec_code']}, trace {entry['trace_number']}", entry["amount_minor"]
    )
    job.note(f"file {file['name']}, hash {file['content_hash'][:12]}")
    job.figure(f"file of {file['entry_count']} entry, debits", file["debit_minor"])


def decline(job: Job) -> None:
    """Decline a card: the code says whether it may be tried again, the plan says when."""
    invoice = _invoice(job, _policy(job, BY_CARD))
    found = job.api.rows("payments", invoice=invoice["id"])
    asked = {"invoice": invoice["id"], "method": "card", "token": "tok_decline_insufficient_funds"}
    payment = found[0] if found else job.api.post("payments", f"main job: decline {invoice['id']}", asked)
    wait_for("the decline", lambda: job.api.get(f"payments/{payment['id']}")["state"] == "failed")
    case = wait_for("the recovery case", lambda: job.api.rows("recovery-cases", invoice=invoice["id"]))[0]
    job.note(f"{case['gateway']} says {case['code']}: {case['failure_class']}")
    job.figure("to be won back", case["amount_minor"])
    for step in (step for step in case["steps"] if step["kind"] in ("message", "retry")):
        job.note(f"planned {step['due_at'][:16].replace('T', ' ')} UTC: {step['kind']} {step['template']}".rstrip())


def win_back(job: Job) -> None:
    """Send a pay link; the payor pays with another card, and the case is recovered."""
    policy = _policy(job, BY_CARD)
    invoice = _invoice(job, policy)
    links = job.api.rows("pay-links", invoice=invoice["id"])
    asked = {"policy": policy["id"], "invoice": invoice["id"], "days": 7}
    link = links[0] if links else job.api.post("pay-links", f"main job: link {invoice['id']}", asked)
    job.note(f"link {link['id'][:12]}... for {invoice['number']}, single use, until {link['expires_at'][:10]}")
    paid = [row for row in job.api.rows("payments", invoice=invoice["id"]) if row["state"] != "failed"]
    card = {"invoice": invoice["id"], "method": "card", "token": "tok_ok"}
    payment = paid[0] if paid else job.api.post("payments", f"main job: again {invoice['id']}", card)
    payment = _decided(job, payment["id"])
    case = wait_for("the recovery", lambda: _recovered(job, invoice["id"]))
    job.figure(f"payment succeeded; case {case['state']}", payment["attempts"][0]["taken_minor"])


def give_back(job: Job) -> None:
    """Refund a part of it."""
    payment = _paid_by_card(job)
    if not payment["refunds"]:
        body = {"reason": "Goodwill for a late start.", "amount_minor": BACK_MINOR}
        job.api.post(f"payments/{payment['id']}/refund", f"main job: refund {payment['id']}", body)
    wait_for("the refund", lambda: _paid_by_card(job)["refunds"][0]["state"] == "succeeded")
    job.figure(f"refund {_paid_by_card(job)['refunds'][0]['state']}", BACK_MINOR)


def deposit(job: Job) -> None:
    """Record a check that came by mail: what is owed is covered, the rest waits."""
    policy = _policy(job, BY_CARD)
    bank = job.api.rows("bank-accounts")[0]
    found = job.api.rows("deposits", reference="MAIN-JOB-1")
    amount = BACK_MINOR + EXTRA_MINOR
    asked = {
        "bank_account": bank["id"],
        "kind": "check",
        "reference": "MAIN-JOB-1",
        "received_on": clock.today().isoformat(),
        "amount_minor": amount,
        "items": [{"amount_minor": amount, "reference": policy["number"], "payor": policy["insured"]["name"],
                   "check_number": "1187"}],
    }  # fmt: skip
    made = found[0] if found else job.api.post("deposits", "main job: deposit 1", asked)
    item = wait_for("the check to be placed", lambda: _placed(job, made["id"]))
    job.figure(f"check {item['check_number']} of {item['payor_name']}: {item['state']}", item["amount_minor"])


def disburse(job: Job) -> None:
    """Pay the rest out by check: screened, written, told to the bank."""
    policy = _policy(job, BY_CARD)
    bank = job.api.rows("bank-accounts")[0]
    found = job.api.rows("disbursements", policy=policy["id"])
    asked = {"policy": policy["id"], "method": "check", "bank_account": bank["id"], "amount_minor": EXTRA_MINOR,
             "reason": "Overpaid by check 1187."}  # fmt: skip
    made = found[0] if found else job.api.post("disbursements", f"main job: pay out {policy['id']}", asked)
    wait_for("the screening", lambda: _state(job, made["id"]) not in ("requested", "held"))
    screened = job.api.get(f"disbursements/{made['id']}")["screening"]
    screening = job.api.get(f"screenings/{screened}")
    job.note(f"{screening['name']} compared with {', '.join(screening['lists'])}: {screening['state']}")
    if _state(job, made["id"]) == "approved":
        job.api.post("check-runs", f"main job: checks {made['id']}", {"bank_account": bank["id"]})
    check = job.api.get(f"disbursements/{made['id']}")
    run = next(
        row for row in job.api.rows("check-runs") if row["first_number"] <= check["check_number"] <= row["last_number"]
    )
    job.note(f"positive pay: {run['content'].splitlines()[1]}")
    job.figure(f"check {check['check_number']} to {check['payee_name']}: {check['state']}", check["amount_minor"])


def trust(job: Job) -> None:
    """Tell what has to stay in trust, owner by owner, and what may leave."""
    position = job.api.get("trust-positions")[0]
    for owed in (owed for owed in position["others"] if owed["owed_minor"]):
        job.figure(f"{owed['code'].replace('_', ' ')}", owed["owed_minor"])
    job.figure("floor, has to stay", position["floor_minor"])
    job.figure("in the accounts", position["cash_minor"])
    job.figure("at processors", position["at_processors_minor"])
    job.figure("may leave for us", position["free_minor"])
    job.note(f"{position['formula']} [{position['citation']}]")


def _policy(job: Job, number: str) -> dict[str, Any]:
    """The bound policy of a number, quoted and bound unless an earlier run did."""
    found = job.api.rows("policies", number=number)
    policy = found[0] if found else job.api.post("policies", f"main job: quote {number}", _quote(number))
    if policy["state"] == "quoted":
        policy = job.api.post(f"policies/{policy['id']}/bind", f"main job: bind {policy['id']}")
    return dict(policy)


def _quote(number: str) -> dict[str, Any]:
    reference, name, line, city, postal_code = INSUREDS[number]
    return {
        "number": number,
        "program": "hi-commercial",
        "insured": {"reference": reference, "name": name, "email": f"office@{reference.lower()}.example",
                    "address_line": line, "city": city, "state": "HI", "postal_code": postal_code},
        "state": "HI",
        "effective_on": "2026-02-01",
        "expires_on": "2027-02-01",
        "premium_minor": PREMIUM_MINOR,
        "plan": "full",
        "agency_code": "lighthouse",
    }  # fmt: skip


def _invoice(job: Job, policy: dict[str, Any]) -> dict[str, Any]:
    number = f"{policy['number']}-001"
    found = job.api.rows("invoices", number=number)
    asked = {"policy": policy["id"], "through": "2026-02-01"}
    return dict(found[0] if found else job.api.post("invoices", f"main job: invoice {number}", asked))


def _decided(job: Job, payment_id: str) -> dict[str, Any]:
    def ready() -> dict[str, Any] | None:
        payment: dict[str, Any] = job.api.get(f"payments/{payment_id}")
        return None if payment["state"] == "processing" else payment

    payment: dict[str, Any] = wait_for("the payment's outcome", ready)
    if payment["state"] != "succeeded":
        raise StepFailed(f"payment {payment_id} is {payment['state']}")
    return payment


def _paid_by_card(job: Job) -> dict[str, Any]:
    invoice = job.api.rows("invoices", number=f"{BY_CARD}-001")[0]
    rows = job.api.rows("payments", invoice=invoice["id"], state="succeeded")
    return dict(job.api.get(f"payments/{rows[0]['id']}"))


def _recovered(job: Job, invoice_id: str) -> dict[str, Any] | None:
    rows = job.api.rows("recovery-cases", invoice=invoice_id, state="recovered")
    return dict(rows[0]) if rows else None


def _placed(job: Job, deposit_id: str) -> dict[str, Any] | None:
    item = job.api.get(f"deposits/{deposit_id}")["items"][0]
    return dict(item) if item["state"] == "placed" else None


def _state(job: Job, disbursement_id: str) -> str:
    return str(job.api.get(f"disbursements/{disbursement_id}")["state"])


STEPS: tuple[Callable[[Job], None], ...] = (keep_account, debit, decline, win_back, give_back, deposit, disburse)
