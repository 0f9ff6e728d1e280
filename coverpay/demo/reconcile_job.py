"""The main job's fifth chapter: three sides of every cent, breaks resolved by postings, the journal handed over once.

Every step finds what an earlier run did, so running it again changes nothing and prints the same figures.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from coverpay.demo import bank, book
from coverpay.demo.bank import Movement
from coverpay.demo.client import StepFailed
from coverpay.kernel import clock
from coverpay.kernel.money import Money
from reconciliation.ledger.accounts import CHART

if TYPE_CHECKING:
    from coverpay.demo.job import Job

SECOND = {"name": "Deposit trust account", "bank_id": book.BANK_ID, "account_mark": "4410075", "currency": "USD",
          "fund": "trust"}  # fmt: skip
PAYOR = "Banyan Tree Books"
CHECKS = (("2201", 125_00), ("2202", 75_00))
SLIP = "SLIP-0042"
UNKNOWN_MINOR, INTEREST_MINOR, FEE_MINOR = 600_00, 1_37, 4_00
WAYS = {
    -bank.SERVICE_CHARGE_MINOR: ("bank_fee", "Monthly service charge."),
    -FEE_MINOR: ("bank_fee", "Deposit slips."),
    INTEREST_MINOR: ("interest", "Interest of the month."),
    UNKNOWN_MINOR: ("suspense", "Nobody knows yet whose it is."),
}
SYSTEM = "quickbooks"


def pay_out_rest(job: Job) -> None:
    """Record what the processor pays out next: three sides, each difference signed."""
    account = job.api.rows("gateway-accounts")[0]
    known = _later_payout(job, account)
    if known is None:
        job.sandbox.close_day(account["merchant"], clock.today())
        since = (clock.today() - dt.timedelta(days=366)).isoformat()
        key = f"main job: second payout of {account['id']}"
        job.api.post("payouts", key, {"account": account["id"], "since": since})
        known = _later_payout(job, account)
    if known is None:
        raise StepFailed("the processor paid nothing out")
    for kind in ("charge", "refund"):
        job.figure(f"{kind}s, gross", sum(line["gross_minor"] for line in known["lines"] if line["kind"] == kind))
    job.figure("fees kept", -sum(line["fee_minor"] for line in known["lines"]))
    job.figure(f"payout {known['reference']}, net", known["amount_minor"])


def _later_payout(job: Job, account: dict[str, Any]) -> dict[str, Any] | None:
    """The payout after that of the first chapter."""
    found = [row for row in job.api.rows("payouts", account=account["id"]) if row["id"] > job.payout["id"]]
    return found[0] if found else None


def take_to_bank(job: Job) -> None:
    """Take two checks to another trust account of ours, on two slips."""
    account = _second(job)
    for number, amount in CHECKS:
        reference = f"{SLIP}-{number}"
        item = {"amount_minor": amount, "reference": "HPU-26-00202", "payor": PAYOR, "check_number": number}
        asked = {
            "bank_account": account["id"],
            "kind": "check",
            "reference": reference,
            "received_on": clock.today().isoformat(),
            "amount_minor": amount,
            "items": [item],
        }
        if not job.api.rows("deposits", reference=reference):
            job.api.post("deposits", f"main job: deposit {reference}", asked)
        job.figure(f"check {number} of {PAYOR}", amount)


def read_second_statement(job: Job) -> None:
    """Import its statement: both checks in one credit, and three lines the books do not know."""
    file = job.folder / "statement-4410075.bai2"
    if not file.exists():
        moved = [
            Movement(sum(amount for _, amount in CHECKS), bank.DEPOSIT, SLIP, "COMMERCIAL DEPOSIT"),
            Movement(UNKNOWN_MINOR, bank.WIRE, "", "WIRE IN WAIPAHU ROOFING"),
            Movement(INTEREST_MINOR, bank.INTEREST, "", "INTEREST PAID"),
            Movement(-FEE_MINOR, bank.FEE, "", "DEPOSIT SLIPS"),
        ]
        mark = SECOND["account_mark"]
        day = clock.today()
        file.write_text(bank.statement(bank_id=book.BANK_ID, account=mark, on=day, opening_minor=0, moved=moved))
    found = job.import_statement(file)
    job.figure("second account: closing", found["statements"][0]["closing_minor"])


def match_second(job: Job) -> None:
    """Match it: a sum that only one set of book lines makes is proved, not guessed."""
    account = _second(job)
    job.api.post("matching-runs", f"main job: match {account['id']} {clock.now()}", {"bank_account": account["id"]})
    for row in _machine_made(job, account):
        job.note(f"matched {row['stage']}, score {row['score']}: {row['reason']}")
        job.figure(
            f"{len(row['bank_lines'])} bank line, {len(row['book_lines'])} book lines",
            sum(line["amount_minor"] for line in row["bank_lines"]),
        )


def resolve(job: Job) -> None:
    """Resolve what is left by postings, previewed: a fee is ours to bear; interest and strangers' money are not."""
    for account in (job.api.rows("bank-accounts")[0], _second(job)):
        for row in job.api.rows("breaks", bank_account=account["id"], kind="bank_only"):
            way, reason = WAYS[row["difference_minor"]]
            asked = {"about": row["id"], "way": way}
            if row["state"] == "open":
                shown = job.api.post("break-resolutions/preview", f"main job: preview {row['id']} {clock.now()}", asked)
                legs = ", ".join(leg["code"].replace("_", " ") for leg in shown["legs"])
                key = f"main job: resolve {row['id']}"
                job.api.post("break-resolutions", key, {**asked, "reason": reason})
                job.note(f"{shown['why']['formula']}: {legs}")
            job.figure(f"{way.replace('_', ' ')}: {reason}", row["difference_minor"])


def prove_accounts(job: Job) -> None:
    """Prove each account to the cent: closing = books and what explains the difference."""
    for account in (job.api.rows("bank-accounts")[0], _second(job)):
        proof = job.api.get(f"bank-accounts/{account['id']}/balance-proof")
        job.figure(f"{account['name']}: bank", proof["closing_minor"])
        job.figure(f"{account['name']}: books", proof["ledger_minor"])
        for item in proof["items"]:
            job.figure(f"{account['name']}: {item['label'].lower()}", item["amount_minor"])
        job.figure(f"{account['name']}: unexplained", proof["unexplained_minor"])


def hand_over(job: Job) -> None:
    """Hand the journal to an accounting system, each entry once."""
    accounts = {
        code: {"number": str(1000 + place), "name": row.title} for place, (code, row) in enumerate(CHART.items())
    }
    mapping = {"system": SYSTEM, "spec": {"accounts": accounts}, "effective_from": "2025-01-01"}
    job.api.post("account-mappings", "main job: account mapping", mapping)
    batches = job.api.rows("export-batches", system=SYSTEM)
    asked = {"system": SYSTEM, "format": "quickbooks_iif", "from_on": "2025-01-01", "to_on": clock.today().isoformat()}
    batch = batches[0] if batches else job.api.post("export-batches", "main job: export", asked)
    if batch["state"] == "built":
        batch = job.api.post(f"export-batches/{batch['id']}/acknowledge", f"main job: taken in {batch['id']}")
    job.note(f"{batch['files'][0]['name']}: {batch['entry_count']} entries, {batch['state']}")
    job.note(f"debits and credits of the file: {Money(batch['debit_minor'])} each")


def _second(job: Job) -> dict[str, Any]:
    """The other trust account, opened unless an earlier run did."""
    rows = job.api.rows("bank-accounts")
    found = next((row for row in rows if row["account_mark"] == SECOND["account_mark"]), None)
    return found or dict(job.api.post("bank-accounts", "main job: second trust account", SECOND))


def _machine_made(job: Job, account: dict[str, Any]) -> list[dict[str, Any]]:
    rows = job.api.rows("matches", bank_account=account["id"])
    return [row for row in rows if row["stage"] != "resolution" and row["undone_at"] is None]


STEPS: tuple[Callable[[Job], None], ...] = (
    pay_out_rest, take_to_bank, read_second_statement, match_second, resolve, prove_accounts, hand_over
)  # fmt: skip
