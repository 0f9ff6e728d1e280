"""The nightly run: whatever is due, once, wherever it was stopped; one broken policy never keeps the others waiting."""

from __future__ import annotations

import datetime as dt
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

from billing import invoices, runs
from billing.models import BillingRun, Installment, Invoice, RunFailure
from compliance.models import AuditEntry, EventRecord
from coverpay import nightly, nightly_steps
from coverpay.kernel import actors, clock
from coverpay.kernel.errors import Forbidden, NotFound
from policies.models import Policy
from reconciliation.ledger.models import Entry
from tests.support import books, world
from tests.support.books import House

pytestmark = pytest.mark.django_db
TODAY = dt.date(2026, 2, 2)
LATER = dt.datetime(2026, 8, 1, 6, 10, tzinfo=dt.UTC)


def run(house: House, on: dt.date = TODAY, **more: Any) -> BillingRun:
    return nightly.run(organization_id=house.operator.id, run_on=on, actor=actors.system("test"), **more)


def rows() -> tuple[int, ...]:
    return tuple(model.objects.count() for model in (Invoice, Entry, AuditEntry, EventRecord, RunFailure))


def billed() -> set[str]:
    return set(Invoice.objects.values_list("policy__number", flat=True))


@pytest.fixture
def three(house: House) -> House:
    for number in ("N-1", "N-2", "N-3"):
        books.bound(house, number=number)
    return house


def test_a_run_bills_what_is_due_and_keeps_its_counts(three: House) -> None:
    books.bound(three, number="N-4", effective_on=dt.date(2026, 3, 1))
    done = run(three)
    # 10,000.00 premium halves to 5,000.00; fee 250.00 to 125.00; tax 468.00 to 234.00: 5,359.00 each.
    assert done.progress["invoices"] == {"due": 3, "done": 3, "failed": 0, "amount_minor": 3 * 535_900}
    assert done.state == "finished"
    assert done.finished_at is not None
    assert billed() == {"N-1", "N-2", "N-3"}
    assert set(done.progress) == {step.name for step in nightly.STEPS}


def test_the_same_date_again_changes_nothing(three: House) -> None:
    first = run(three)
    before = rows()
    again = run(three)
    assert (again.id, rows()) == (first.id, before)
    assert again.finished_at == first.finished_at


def test_what_became_due_since_is_done_when_the_date_is_run_again(three: House) -> None:
    first = run(three)
    books.bound(three, number="N-4")
    again = run(three)
    assert again.id == first.id
    assert again.progress["invoices"] == {"due": 4, "done": 4, "failed": 0, "amount_minor": 4 * 535_900}
    assert BillingRun.objects.count() == 1


class Killed(BaseException):
    """What ends a process in the middle of its work."""


@pytest.mark.parametrize("one_by_one", [False, True])
def test_a_killed_run_goes_on_where_it_was(three: House, monkeypatch: pytest.MonkeyPatch, one_by_one: bool) -> None:
    def kill(progress: nightly.Progress) -> None:
        if progress.done == 1:
            raise Killed

    monkeypatch.setattr(nightly, "CHUNK", 1)
    if one_by_one:
        bill = nightly_steps.Step("invoices", "Invoices", nightly_steps._to_bill, nightly_steps._bill_one)
        monkeypatch.setattr(nightly, "STEPS", (bill,))
    with pytest.raises(Killed):
        run(three, watch=kill)
    stopped = BillingRun.objects.get()
    assert (stopped.state, stopped.progress["invoices"]["done"], Invoice.objects.count()) == ("running", 1, 1)
    done = run(three)
    assert done.id == stopped.id
    assert done.progress["invoices"] == {"due": 3, "done": 3, "failed": 0, "amount_minor": 3 * 535_900}
    assert (done.state, billed()) == ("finished", {"N-1", "N-2", "N-3"})


def test_one_broken_policy_does_not_stop_the_others(three: House, monkeypatch: pytest.MonkeyPatch) -> None:
    broken = Policy.objects.get(number="N-2").id
    issue = invoices.issue_locked

    def breaks(policy: Policy, through: dt.date) -> list[Invoice]:
        if policy.id == broken:
            raise ValueError("its rows make no sense")
        return issue(policy, through)

    def many(policy_ids: Any, on: dt.date) -> nightly_steps.Chunk:
        raise ValueError("its rows make no sense")

    with monkeypatch.context() as patch:
        step = nightly_steps.Step("invoices", "Invoices", nightly_steps._to_bill, nightly_steps._bill_one, many)
        patch.setattr(nightly, "STEPS", (step,))
        patch.setattr(invoices, "issue_locked", breaks)
        done = run(three)
        again = run(three)
    assert billed() == {"N-1", "N-3"}
    assert done.progress["invoices"] == {"due": 3, "done": 2, "failed": 1, "amount_minor": 2 * 535_900}
    assert again.progress["invoices"] == done.progress["invoices"]
    failure = RunFailure.objects.get()
    assert (failure.step, failure.object_id, failure.code) == ("invoices", broken, "ValueError")
    assert failure.message == "its rows make no sense"
    mended = run(three)
    assert mended.progress["invoices"] == {"due": 3, "done": 3, "failed": 0, "amount_minor": 3 * 535_900}


def test_a_date_to_come_is_refused_and_nothing_is_begun(three: House) -> None:
    with pytest.raises(runs.RunTooEarly) as refused:
        run(three, on=TODAY + dt.timedelta(days=1))
    assert refused.value.field == "date"
    assert not (BillingRun.objects.exists() or Invoice.objects.exists())


def test_a_missed_date_is_made_up_for_with_invoices_of_today(three: House) -> None:
    with clock.frozen(LATER):
        run(three, on=TODAY)
        assert set(Invoice.objects.values_list("issued_on", flat=True)) == {LATER.date()}
        assert Installment.objects.filter(invoice=None).count() == 3  # those of July are not due by then
        assert run(three, on=LATER.date()).progress["invoices"]["done"] == 3


def test_a_clock_that_stepped_back_bills_nothing_early(three: House) -> None:
    with clock.frozen(dt.datetime(2026, 1, 1, tzinfo=dt.UTC)):
        done = run(three, on=dt.date(2026, 1, 1))
    assert done.progress["invoices"]["done"] == 0
    assert not Invoice.objects.exists()


def test_another_operators_policies_are_left_alone(three: House) -> None:
    books.bound(books.open_house(), number="X-1")
    run(three)
    assert billed() == {"N-1", "N-2", "N-3"}


def test_a_run_of_nobody_or_of_others_is_refused(three: House) -> None:
    with pytest.raises(NotFound):
        nightly.run(organization_id="org_none", run_on=TODAY, actor=actors.system("test"))
    stranger = world.actor(world.organization("mga"))
    with pytest.raises(NotFound):
        nightly.run(organization_id=three.operator.id, run_on=TODAY, actor=stranger)
    with pytest.raises(Forbidden):
        nightly.run(organization_id=three.operator.id, run_on=TODAY, actor=world.actor(three.operator, "viewer"))


def test_the_command_runs_every_organization_and_tells_what_it_did(three: House) -> None:
    other = books.open_house()
    books.bound(other, number="X-1")
    out = StringIO()
    call_command("billing_run", "--date", "2026-02-02", stdout=out)
    assert billed() == {"N-1", "N-2", "N-3", "X-1"}
    told = out.getvalue()
    assert "16,077.00" in told  # 3 × 5,359.00
    assert "5,359.00" in told
    assert told.count("0 failures") == 2


def test_the_command_names_what_it_cannot_run(three: House) -> None:
    with pytest.raises(CommandError, match="No organization with the code 'nope'"):
        call_command("billing_run", "--organization", "nope", stdout=StringIO())
    with pytest.raises(CommandError, match="run for 2026-08-01 when it has come"):
        call_command("billing_run", "--date", "2026-08-01", stdout=StringIO())


def test_a_rehearsal_holds_the_clock_at_its_date(three: House) -> None:
    call_command("billing_run", "--date", "2026-08-01", "--rehearse", stdout=StringIO())
    assert set(Invoice.objects.values_list("issued_on", flat=True)) == {dt.date(2026, 8, 1)}
    assert clock.today() == TODAY
