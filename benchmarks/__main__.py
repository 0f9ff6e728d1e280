"""`make bench`: every figure beside the limit of the same run; it fails when a target is missed.

ARGS="ledger", "api", "billing", "nightly", "pages", "imports", "nacha", "intake", "attempts", "autopay", "parsing",
"matching" or "balances" measures one;
"--small" takes in a tenth of the webhooks, collects a tenth by autopay, and reads balances of a hundredth of the lines;
"--large" measures with 1,000,000 policies (a file of 10,000,000 rows);
"--write" also writes benchmarks/results.md, where parts that were not measured keep the figures they have.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

import django
import psycopg


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("parts", nargs="*", help="some of the parts (all)")
    parser.add_argument("--large", action="store_true", help="1,000,000 policies; takes long and 40 GB of disk")
    parser.add_argument(
        "--small", action="store_true", help="a tenth of the webhooks and of autopay, a hundredth of the ledger"
    )
    parser.add_argument("--write", action="store_true", help="write benchmarks/results.md")
    options = parser.parse_args()
    os.environ["DJANGO_SETTINGS_MODULE"] = "coverpay.settings"
    os.environ.setdefault("LOG_LEVEL", "ERROR")
    os.environ["HASHED_STATIC"] = "0"  # nothing collects static files here
    django.setup()
    _require_durable()
    from django.core.management import call_command
    from django.db import connection

    from benchmarks import report

    call_command("migrate", verbosity=0)
    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE IF NOT EXISTS benchmark_limit (id bigserial PRIMARY KEY, at timestamptz)")
    measured = report.measure(options.parts or report.PARTS, large=options.large, small=options.small)
    results = Path(__file__).parent / "results.md"
    text = report.render(measured, before=results.read_text() if options.write and results.exists() else "")
    print(text)
    if options.write:
        results.write_text(text)
    return 0 if all(part.holds for part in measured) else 1


def _require_durable() -> None:
    """Refuse a server that does not wait for its disk: its figures would flatter everyone."""
    with psycopg.connect(os.environ["DATABASE_URL"]) as connection:
        for setting in ("fsync", "synchronous_commit", "full_page_writes"):
            row = connection.execute("SELECT current_setting(%s)", [setting]).fetchone()
            if row != ("on",):
                sys.exit(f"The server has {setting} off; measure on a durable one.")


if __name__ == "__main__":
    sys.exit(main())
