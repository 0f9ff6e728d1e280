"""Many payments through a running CoverPay and the fault-injecting processor, and both their books side by side."""

from __future__ import annotations

import io
import json
import random
import secrets
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg.rows import dict_row

from coverpay.demo.processor.client import Processor
from coverpay.kernel import clock
from coverpay.local.programs import PROJECT
from tests.support.story import HEADER, Story

Row = dict[str, Any]
PATIENCE_SECONDS = 180
"""How long nothing may change while something is waited for, however slow the machine is."""
CHARGES_A_LIFE = 10
"""What a worker sends at least before it is killed."""
_OPEN = """
import json
from compliance.models import Organization
from coverpay.demo import book
from payments import accounts
from reconciliation.models import BankAccount
actor = book.administrator(Organization.objects.get(code="harbor"))
bank_account = BankAccount.objects.get(organization_id=actor.organization_id, account_mark=book.ACCOUNT_MARK)
facts = json.loads({facts!r})
account = accounts.open_account(
    gateway="stripe", merchant=facts.pop("merchant"), bank_account_id=bank_account.id, actor=actor, **facts
)
rules = [{{"when": {{"method": ["card", "ach"]}}, "gateway": "stripe"}}]
accounts.publish_routing(rules=rules, effective_from=book.SINCE, actor=actor)
print("opened", account.id)
"""
_ATTEMPTS = """
SELECT a.id, a.payment_id, a.invoice_id, a.account_id, a.state, a.amount_minor, a.taken_minor, a.gateway_reference,
       a.next_check_at IS NULL AS asked_no_more, a.submit_count, a.check_count, p.method,
       p.state AS payment_state,
       EXISTS (SELECT 1 FROM reconciliation_break b WHERE b.subject_id = a.id AND b.state = 'open') AS has_break,
       EXISTS (SELECT 1 FROM compliance_eventrecord e WHERE e.object_id = a.payment_id
               AND e.type = 'payment.needs_review') AS handed_over
FROM payments_attempt a JOIN payments_payment p ON p.id = a.payment_id
WHERE a.account_id = %s ORDER BY a.id
"""
_REFUNDS = """
SELECT r.id, r.attempt_id, r.payment_id, r.amount_minor, r.state, r.submit_count, r.outcome_code,
       r.next_check_at IS NULL AS asked_no_more
FROM payments_refund r JOIN payments_attempt a ON a.id = r.attempt_id WHERE a.account_id = %s ORDER BY r.id
"""
_CLEARING = """
SELECT COALESCE(SUM(l.amount_minor), 0) AS minor FROM reconciliation_line l
JOIN reconciliation_account c ON c.id = l.account_id WHERE c.code = 'processor_clearing' AND c.owner = %s
"""
_SENT = """
SELECT COALESCE(SUM(submit_count), 0) AS sent, COUNT(*) FILTER (WHERE state = 'planned') AS waiting
FROM payments_attempt WHERE account_id = %s
"""
_WAITING_WEBHOOKS = "SELECT COUNT(*) AS n FROM payments_inboundevent WHERE account_id = %s AND state = 'received'"
UNDECIDED = ("planned", "submitted", "pending", "unknown", "authorized")


@dataclass(frozen=True, slots=True)
class Wish:
    """One payment to ask for."""

    invoice: str
    method: str
    token: str


class Storm:
    """A story with an account at the fault-injecting processor."""

    def __init__(self, story: Story, processor: Processor, read_seconds: int = 1) -> None:
        self.story = story
        self.processor = processor
        self.key = f"sk_test_{secrets.token_hex(8)}"
        self.webhook_secret = f"whsec_{secrets.token_hex(16)}"
        self.account = self._open(read_seconds)
        self._starter = ThreadPoolExecutor(1)
        self._starting = self._starter.submit(lambda: None)
        url = f"{story.stack.web.url}/hooks/{self.account}/"
        processor.ask("endpoint", account=self.key, url=url, secret=self.webhook_secret)

    def _open(self, read_seconds: int) -> str:
        """Connect the demo's operator to the processor, and send every payment there."""
        facts = {
            "merchant": self.key,
            "credentials": {"secret_key": self.key},
            "settings": {"base_url": self.processor.url, "read_seconds": read_seconds, "connect_seconds": 1},
            "webhook_secret": self.webhook_secret,
        }
        return self.manage("shell", "-c", _OPEN.format(facts=json.dumps(facts))).split("opened ")[1].strip()

    def manage(self, *arguments: str) -> str:
        """Run a `manage.py` command beside the stack; gives what it printed."""
        done = subprocess.run(
            [sys.executable, "manage.py", *arguments],
            cwd=PROJECT, env=self.story.stack.environment, text=True, capture_output=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def bill(self, count: int, chance: random.Random) -> list[str]:
        """Import and bind that many policies of all sizes, and bill each: gives the invoices."""
        today = clock.today()
        ends = today.replace(year=today.year + 1)
        rows = [
            f"STORM-{number:04d},hi-commercial,STORM-{number:04d},Insured {number},HI,{today},{ends},"
            f"{chance.randrange(300, 6_000)}.{chance.randrange(100):02d},full,yes\n"
            for number in range(count)
        ]
        file = ("storm.csv", io.BytesIO((HEADER + "".join(rows)).encode()), "text/csv")
        imported = self.story.api.post("policy-imports", "import storm", files={"file": file})
        assert imported["state"] == "imported", imported["problems"]
        self.manage("billing_run", "--organization", "harbor")
        billed = self.rows(
            "SELECT i.id FROM billing_invoice i JOIN policies_policy p ON p.id = i.policy_id "
            "WHERE p.number LIKE 'STORM-%%' ORDER BY p.number"
        )
        return [row["id"] for row in billed]

    def pay(self, wishes: Sequence[Wish]) -> None:
        """Ask for payments by the API, four at a time."""
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(self._pay, wishes))

    def _pay(self, wish: Wish) -> None:
        body = {"invoice": wish.invoice, "method": wish.method, "token": wish.token}
        self.story.api.post("payments", f"pay {wish.invoice}", body)

    def kill_worker(self) -> None:
        """End the worker as a power cut would, in the middle of its work, and let another start meanwhile."""
        worker = self.story.stack.worker
        self._starting.result()
        self._work_a_little()
        worker.kill9()
        self._starting = self._starter.submit(worker.start)

    def _work_a_little(self) -> None:
        """Wait until this worker has sent some charges, or has nothing to send."""
        before = self.rows(_SENT, self.account)[0]["sent"]
        until = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < until:
            now = self.rows(_SENT, self.account)[0]
            if now["sent"] >= before + CHARGES_A_LIFE or not now["waiting"]:
                return
            time.sleep(0.05)

    def rows(self, sql: str, *values: Any) -> list[Row]:
        """Ask CoverPay's database."""
        url = self.story.stack.environment["DATABASE_URL"]
        with psycopg.connect(url, row_factory=dict_row) as connection:
            return connection.execute(sql, values or None).fetchall()

    def attempts(self) -> list[Row]:
        return self.rows(_ATTEMPTS, self.account)

    def refunds(self) -> list[Row]:
        return self.rows(_REFUNDS, self.account)

    def clearing_minor(self) -> int:
        """What the ledger says the processor still has to pay out."""
        return int(self.rows(_CLEARING, self.account)[0]["minor"])

    def totals(self) -> Row:
        """The processor's own books."""
        told: Row = self.processor.ask("totals", account=self.key)
        return told

    def wait(self, what: str, ready: Callable[[], Iterable[Any]]) -> float:
        """Wait until nothing is left of what is asked for. Gives the seconds it took."""
        began = changed = time.monotonic()
        before: list[Any] = []
        while left := list(ready()):
            changed = changed if left == before else time.monotonic()
            assert time.monotonic() - changed < PATIENCE_SECONDS, f"in vain for {what}: {len(left)} left, {left[:5]}"
            before = left
            time.sleep(0.5)
        return time.monotonic() - began

    def moving(self) -> list[Row]:
        """Attempts and refunds that the sweeps still work on."""
        attempts = [row for row in self.attempts() if row["state"] in UNDECIDED and not row["asked_no_more"]]
        return [row for row in attempts if row["state"] != "pending"] + [
            row for row in self.refunds() if row["state"] in UNDECIDED and not row["asked_no_more"]
        ]

    def told(self) -> None:
        """Wait until the processor has delivered what it will, and all of it is processed."""
        self.wait("deliveries", lambda: range(self.processor.ask("undelivered", account=self.key)))
        self.wait("webhooks", lambda: range(self.rows(_WAITING_WEBHOOKS, self.account)[0]["n"]))

    def decide(self) -> int:
        """Be the person who looks at the processor's own pages and decides what nobody else could. Gives how many."""
        charges = {row["intent"]: row for row in self.totals()["charges"]}
        by_reference = {row["metadata"]["coverpay_reference"]: row for row in charges.values()}
        decided = 0
        for row in self.attempts():
            if row["state"] == "unknown" and row["asked_no_more"]:
                taken = by_reference.get(row["id"], {}).get("taken", 0)
                body = {"taken": bool(taken), "reason": "Seen in the processor's dashboard"}
                if taken and taken != row["amount_minor"]:
                    body["amount_minor"] = taken
                self.story.api.post(f"attempts/{row['id']}/resolve", f"decide {row['id']}", body)
                decided += 1
        return decided
