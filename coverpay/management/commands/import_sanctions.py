"""Import a published list of blocked persons: `manage.py import_sanctions SDN 2026-11-20 SDN.CSV ALT.CSV`."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from compliance import screening
from coverpay.kernel import actors
from coverpay.kernel.errors import DomainError


class Command(BaseCommand):
    help = "Import a list of blocked persons in OFAC's CSV layout; the same content again changes nothing."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("source", help="SDN, CONS, ...")
        parser.add_argument("published_on", type=dt.date.fromisoformat, help="YYYY-MM-DD")
        parser.add_argument("primary", type=Path, help="SDN.CSV or CONS_PRIM.CSV")
        parser.add_argument("other_names", type=Path, nargs="?", help="ALT.CSV or CONS_ALT.CSV")

    def handle(self, *args: Any, **options: Any) -> None:
        other = options["other_names"]
        try:
            kept = screening.import_list(
                source=options["source"],
                published_on=options["published_on"],
                primary=options["primary"].read_text(encoding="latin-1"),
                other_names=other.read_text(encoding="latin-1") if other else "",
                actor=actors.system("import_sanctions"),
            )
        except (DomainError, OSError) as error:
            raise CommandError(str(error)) from error
        self.stdout.write(f"{kept}: {kept.count} names")
