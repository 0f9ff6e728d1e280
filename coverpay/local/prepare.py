"""Bring the tables, then the demo book, up to date in one process: loading Django twice is a good part of a start."""

import os

import django
from django.core.management import call_command

from coverpay.local.demo import TABLES_READY


def main() -> None:
    """Migrate, say so, and load the demo book."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "coverpay.settings")
    django.setup()
    call_command("migrate", interactive=False)
    print(TABLES_READY, flush=True)
    call_command("demo_book")


if __name__ == "__main__":
    main()
