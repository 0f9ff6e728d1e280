"""`manage.py billing_run`: do what a date brings due, and show how far it is."""

from __future__ import annotations

import datetime as dt
import time
from contextlib import ExitStack
from typing import Any

from django.core.management import CommandParser
from django.core.management.base import BaseCommand, CommandError

from billing.models import BillingRun
from compliance.models import Organization
from coverpay import nightly
from coverpay.kernel import actors, clock
from coverpay.kernel.errors import DomainError
from coverpay.nightly import Progress
from coverpay.nightly_steps import STEPS

WIDTH = 30


class Command(BaseCommand):
    help = "Bill, renew, remind and collect whatever is due through a date; again for the same date does what is left."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--date", type=dt.date.fromisoformat, help="YYYY-MM-DD (today)")
        parser.add_argument("--organization", default="", help="code of one organization (all that bill)")
        parser.add_argument(
            "--rehearse", action="store_true", help="hold the clock at that date, to try a date to come on a test book"
        )

    def handle(self, *args: Any, date: dt.date | None, organization: str, rehearse: bool, **options: Any) -> None:
        run_on = date or clock.today()
        with ExitStack() as stack:
            if rehearse:
                stack.enter_context(clock.frozen(dt.datetime.combine(run_on, dt.time(12), dt.UTC)))
            for organization_id in self._wanted(organization):
                self._run(organization_id, run_on)

    def _wanted(self, code: str) -> list[str]:
        if not code:
            return nightly.billing_organizations()
        found = Organization.objects.filter(code=code).first()
        if found is None:
            raise CommandError(f"No organization with the code {code!r}.")
        return [found.id]

    def _run(self, organization_id: str, run_on: dt.date) -> None:
        began = time.monotonic()
        try:
            done = nightly.run(
                organization_id=organization_id,
                run_on=run_on,
                actor=actors.system("billing_run"),
                watch=self._bar if self.stdout.isatty() else lambda _: None,
            )
        except DomainError as error:
            raise CommandError(error.message) from error
        self._report(done, time.monotonic() - began)

    def _bar(self, progress: Progress) -> None:
        """Redraw the line of a step; a step that is through keeps its line."""
        gone = progress.done + progress.failed
        filled = WIDTH * gone // progress.due if progress.due else WIDTH
        bar = "█" * filled + "░" * (WIDTH - filled)
        last = "\n" if gone >= progress.due else ""
        self.stdout.write(f"\r{progress.step.title:<34} {bar} {gone:>9,} of {progress.due:,} ", ending=last)
        self.stdout.flush()

    def _report(self, run: BillingRun, seconds: float) -> None:
        self.stdout.write(f"\n{run.organization.name}, {run.run_on}: {run.get_state_display().lower()}")
        self.stdout.write(f"{'':<34} {'Due':>10} {'Done':>10} {'Failed':>8} {'Amount':>18}")
        for step in (step for step in STEPS if step.name in run.progress):
            counted = run.progress[step.name]
            amount = f"{counted['amount_minor'] // 100:,}.{counted['amount_minor'] % 100:02d}"
            self.stdout.write(
                f"{step.title:<34} {counted['due']:>10,} {counted['done']:>10,} {counted['failed']:>8,} {amount:>18}"
            )
        for failure in run.failures.all()[:20]:
            self.stdout.write(f"  {failure.step} {failure.object_id}: {failure.code}: {failure.message}")
        self.stdout.write(f"{run.failures.count()} failures are kept with the run {run.id}; {seconds:.1f} s.\n")
