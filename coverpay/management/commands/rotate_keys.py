"""`manage.py rotate_keys`: seal again, with the newest key of VAULT_KEYS, whatever an older one sealed."""

from __future__ import annotations

from typing import Any

from django.core.management import CommandParser
from django.core.management.base import BaseCommand, CommandError

from coverpay import vault_keys


class Command(BaseCommand):
    help = (
        "Seal again with the newest key of VAULT_KEYS whatever an older one sealed. It may be stopped and run "
        "again at any time; when it says that nothing is left, the older keys can be taken off the list."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--chunk", type=int, default=vault_keys.CHUNK, help="rows a transaction")
        parser.add_argument(
            "--fingerprints", action="store_true", help="make fingerprints of bank accounts anew too (FINGERPRINT_KEY)"
        )

    def handle(self, *args: Any, chunk: int, fingerprints: bool, **options: Any) -> None:
        if chunk < 1:
            raise CommandError("A chunk has at least one row.")
        broken: list[str] = []
        for progress in vault_keys.rotate(chunk=chunk):
            self.stdout.write(f"     {progress.column!s:<44}{progress.sealed:>10,} sealed anew")
            broken += progress.broken
        if fingerprints:
            self.stdout.write(
                f"     {'fingerprints of bank accounts':<44}{vault_keys.mark_again(chunk=chunk):>10,} anew"
            )
        if broken:
            raise CommandError(f"No key opens {len(broken)} rows: {', '.join(broken[:20])}. Keep every older key.")
        self.stdout.write("     The newest key has sealed everything; older keys can be taken off VAULT_KEYS.")
