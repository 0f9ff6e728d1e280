"""`manage.py check_books`: prove that the books tie, or name every difference and exit 1."""

from __future__ import annotations

from typing import Any

from django.core.management import CommandParser
from django.core.management.base import BaseCommand, CommandError

from compliance.models import Organization
from coverpay import books


class Command(BaseCommand):
    help = "Prove that every entry balances and every account equals the invoices, receipts and payouts behind it."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--organization", help="the code of one organization; all of them when left out")

    def handle(self, *args: Any, organization: str | None = None, **options: Any) -> None:
        differences = books.check(_id_of(organization))
        for name in books.CHECKS:
            wrong = [difference for difference in differences if difference.check == name]
            self.stdout.write(f"     {'FAILS' if wrong else 'holds'}  {name}")
            for difference in wrong:
                self.stdout.write(f"            {difference}")
        if differences:
            raise CommandError(f"{len(differences)} differences; the books do not tie.")


def _id_of(code: str | None) -> str | None:
    if code is None:
        return None
    found = Organization.objects.filter(code=code).first()
    if found is None:
        raise CommandError(f"No organization with the code {code!r}.")
    return found.id
