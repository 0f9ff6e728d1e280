"""`manage.py check_books`: prove that the books tie, or name every difference and exit 1."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from django.core.management import CommandParser
from django.core.management.base import BaseCommand, CommandError

from compliance.models import Organization
from coverpay import books
from coverpay.books import Difference, Total
from coverpay.kernel.money import Money


class Command(BaseCommand):
    help = "Prove that every entry balances and every account equals the invoices, receipts and payouts behind it."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--organization", help="the code of one organization; all of them when left out")

    def handle(self, *args: Any, organization: str | None = None, **options: Any) -> None:
        found: dict[str, list[Total | Difference]] = defaultdict(list)
        for row in books.compare(_id_of(organization)):
            found[row.organization_id].append(row)
        names = dict(Organization.objects.filter(pk__in=found).values_list("id", "code"))
        for organization_id, rows in sorted(found.items(), key=lambda item: names.get(item[0], item[0])):
            self._print_book(names.get(organization_id, organization_id or "no organization"), rows)
        wrong = sum(isinstance(row, Difference) for rows in found.values() for row in rows)
        if wrong:
            raise CommandError(f"{wrong} differences; the books do not tie.")
        self.stdout.write(f"     {len(found)} books tie.")

    def _print_book(self, name: str, rows: list[Total | Difference]) -> None:
        self.stdout.write(f"     Books of {name}")
        for check in books.CHECKS:
            totals = [row for row in rows if isinstance(row, Total) and row.check == check]
            differences = [row for row in rows if isinstance(row, Difference) and row.check == check]
            compared = sum(total.count for total in totals)
            self.stdout.write(f"     {'FAILS' if differences else 'holds'}  {check} ({compared:,} compared)")
            if check == books.ACCOUNTS:
                for total in totals:
                    amount = Money(total.found_minor, total.currency)
                    self.stdout.write(f"              {total.account:<22}{amount!s:>22}")
            for difference in differences:
                self.stdout.write(f"            {difference}")


def _id_of(code: str | None) -> str | None:
    if code is None:
        return None
    found = Organization.objects.filter(code=code).first()
    if found is None:
        raise CommandError(f"No organization with the code {code!r}.")
    return found.id
