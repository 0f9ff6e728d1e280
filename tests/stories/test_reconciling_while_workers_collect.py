"""Two people reconcile while two workers collect, and one of each is killed: the books of the bank stay sound."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from coverpay.demo.client import wait_for
from coverpay.local.programs import PROJECT
from tests.support.story import Story

pytestmark = pytest.mark.xdist_group("stack")
SEED, STEPS, PAYMENTS = "20260505", "60", 8


def hand(story: Story, *arguments: str) -> subprocess.Popen[str]:
    """Start a hand beside the stack, as somebody else's process."""
    return subprocess.Popen(
        [sys.executable, "-m", "tests.support.bank_hands", *arguments],
        cwd=PROJECT,
        env={**story.stack.environment, "DJANGO_SETTINGS_MODULE": "coverpay.settings"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def ended(process: subprocess.Popen[str]) -> str:
    """Wait until a hand is done. Gives what it printed last."""
    out, err = process.communicate(timeout=240)
    assert process.returncode == 0, out + err
    return out.strip().splitlines()[-1]


def test_people_reconcile_while_workers_collect_and_one_of_each_is_killed(story: Story) -> None:
    invoices = [story.invoice(f"BANK-{number}") for number in range(PAYMENTS)]
    ann, ben = hand(story, "walk", "ann", SEED, STEPS), hand(story, "walk", "ben", SEED, STEPS)
    payments = [story.pay(invoice, "tok_slow" if number == 0 else "tok_ok") for number, invoice in enumerate(invoices)]
    wait_for("a first match", lambda: story.api.rows("matches"))
    ann.kill()
    ann.communicate()
    story.stack.worker.kill9()
    story.stack.worker.start()
    again = hand(story, "walk", "ann-again", SEED, STEPS)
    told = [json.loads(ended(process))["done"] for process in (ben, again)]
    assert all(done["undo"] + done["confirm"] + done["close"] for done in told), told
    assert [story.settled(payment)["state"] for payment in payments] == ["succeeded"] * PAYMENTS
    assert json.loads(ended(hand(story, "prove", SEED))) == []
    checked = story.check_books()
    assert checked.returncode == 0, checked.stdout + checked.stderr
