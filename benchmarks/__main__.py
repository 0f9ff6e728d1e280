"""`make bench [ARGS="ledger api"]`: every benchmark prints its figure, the limit of the same run, and the ratio."""

from __future__ import annotations

import importlib
import os
import sys

NAMES = ("ledger", "api")


def main() -> None:
    os.environ["DJANGO_SETTINGS_MODULE"] = "coverpay.settings"
    os.environ.setdefault("LOG_LEVEL", "ERROR")
    import django
    from django.core.management import call_command
    from django.db import connection

    django.setup()
    call_command("migrate", verbosity=0)
    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE IF NOT EXISTS benchmark_limit (id bigserial PRIMARY KEY, at timestamptz)")
    for name in sys.argv[1:] or NAMES:
        importlib.import_module(f"benchmarks.{name}").run()
        print(flush=True)


if __name__ == "__main__":
    main()
