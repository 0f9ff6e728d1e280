"""`manage.py demo_book`: load the demo book and keep how to sign in, in var/demo.json."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand

from coverpay.demo import book


class Command(BaseCommand):
    help = "Load the demo organizations, people, plans, program, bank account and sandbox processor. Repeatable."

    def handle(self, *args: Any, **options: Any) -> None:
        told = book.load()
        self.stdout.write(f"demo book ready: {len(told['logins'])} logins in var/demo.json")
