"""Nightly runs on real connections: two at once, and one killed without a word."""

from __future__ import annotations

import datetime as dt
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from django.db import connection

from billing import runs
from billing.models import BillingRun, Invoice
from coverpay import nightly
from coverpay.kernel import actors
from tests.support import books
from tests.support.books import House
from tests.support.database import at_once

pytestmark = pytest.mark.django_db(transaction=True)
ROOT = Path(__file__).resolve().parents[2]
TODAY = dt.date(2026, 2, 2)
_SLOWLY = """
import django, os, sys, time
django.setup()
from coverpay import nightly
from coverpay.kernel import actors
import datetime as dt
nightly.CHUNK = 1
def slowly(progress):
    if progress.done:
        print("one", flush=True)
        time.sleep(60)
nightly.run(organization_id=sys.argv[1], run_on=dt.date(2026, 2, 2), actor=actors.system("t"), watch=slowly)
"""


def run(house: House) -> BillingRun:
    return nightly.run(organization_id=house.operator.id, run_on=TODAY, actor=actors.system("test"))


def test_of_two_runs_at_once_one_works_and_every_policy_is_billed_once(house: House) -> None:
    for number in range(4):
        books.bound(house, number=f"N-{number}")
    done = at_once(lambda: run(house), lambda: run(house))
    assert {type(each) for each in done} <= {BillingRun, runs.RunUnderWay}
    assert any(isinstance(each, BillingRun) for each in done)
    assert Invoice.objects.count() == 4
    assert BillingRun.objects.get().state == "finished"


def test_a_run_killed_without_a_word_lets_go_and_the_next_does_only_what_is_left(house: House) -> None:
    for number in range(3):
        books.bound(house, number=f"N-{number}")
    name = connection.settings_dict
    url = f"postgres://{name['USER']}:{name['PASSWORD']}@{name['HOST']}:{name['PORT']}/{name['NAME']}"
    killed = subprocess.Popen(
        [sys.executable, "-c", _SLOWLY, house.operator.id],
        env={**os.environ, "DATABASE_URL": url},
        stdout=subprocess.PIPE,
        cwd=ROOT,
    )
    assert killed.stdout is not None and killed.stdout.readline() == b"one\n"
    with pytest.raises(runs.RunUnderWay):
        run(house)
    killed.send_signal(signal.SIGKILL)
    killed.wait(10)
    done = _when_let_go(house)
    assert done.progress["invoices"]["done"] == 3
    assert Invoice.objects.count() == 3


def _when_let_go(house: House) -> BillingRun:
    """The server sees a client's death only when it next looks; wait for it."""
    for _ in range(100):
        try:
            return run(house)
        except runs.RunUnderWay:
            time.sleep(0.1)
    raise AssertionError("the killed run is never let go")
