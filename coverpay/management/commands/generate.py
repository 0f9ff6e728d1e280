"""Write the reference pages of docs/ from the code, or say which are stale."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from coverpay.reference import pages


class Command(BaseCommand):
    help = "Write docs/ pages that come from code; with --check, only compare and fail naming what is stale."
    requires_system_checks: list[str] = []
    requires_migrations_checks = False

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--check", action="store_true", help="Compare only; exit 1 when a page is stale.")

    def handle(self, *args: Any, check: bool, **options: Any) -> None:
        docs = settings.BASE_DIR / "docs"
        if not check:
            for name in pages.write(docs):
                self.stdout.write(f"docs/{name}")
            return
        found = pages.stale(docs)
        if found:
            listed = "\n".join(f"  docs/{sentence}" for sentence in found)
            raise CommandError(f"Run manage.py generate and commit what it wrote:\n{listed}")
        self.stdout.write("Every generated page says what the code says.")
