"""`manage.py demo_life`: bill the rest of the demo book and pay it in every way, for something to look at."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand

from coverpay.demo import life


class Command(BaseCommand):
    help = "Bill the rest of the demo book and collect with every kind of outcome. Repeatable."

    def handle(self, *args: Any, **options: Any) -> None:
        self.stdout.write(f"the rest of the book: {life.live()} policies billed")
