"""`manage.py main_job`: take one premium end to end through the running API and print every step."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management import CommandParser, call_command
from django.core.management.base import BaseCommand, CommandError

from coverpay.demo import job
from coverpay.demo.client import Client, StepFailed
from coverpay.demo.processor.client import Processor
from payments.gateways.sandbox import Sandbox


class Command(BaseCommand):
    help = "Take one premium from the import file to the bank line and the webhook, printing each step."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--base-url", default=settings.PUBLIC_URL)

    def handle(self, *args: Any, base_url: str, **options: Any) -> None:
        var = Path(settings.VAR_DIR)
        kept = json.loads((var / "demo.json").read_text())
        folder = var / "demo"
        folder.mkdir(parents=True, exist_ok=True)
        self.stdout.write("The main job: one premium, end to end")
        try:
            job.run(
                job.Job(
                    api=Client(base_url, kept["api_key"]),
                    folder=folder,
                    sandbox=Sandbox(settings.SANDBOX_FILE),
                    processor=Processor(folder / "processor.sqlite3"),
                    say=self.stdout.write,
                )
            )
        except StepFailed as error:
            raise CommandError(str(error)) from error
        self.stdout.write(f"\n {len(job.STEPS) + 2:>2}  Check the books against every invoice, receipt and payout")
        call_command("check_books", stdout=self.stdout)
        self.stdout.write("\nThe main job is done: every step holds.")
