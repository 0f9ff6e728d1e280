"""Give a test run a Postgres cluster of its own, thrown away at its end."""

import os
import tempfile
from collections.abc import MutableMapping
from pathlib import Path

from coverpay.local.postgres import THROWAWAY, Postgres
from coverpay.local.process import Guardian


class ThrowawayCluster:
    """Be one Postgres server over a temporary folder; both are gone even if the test run is killed."""

    def __init__(self) -> None:
        self._guardian = Guardian()
        self.folder = Path(tempfile.mkdtemp(prefix="coverpay-tests-"))
        self.folder.chmod(0o755)
        self.postgres = Postgres(self.folder / "postgres", self._guardian, THROWAWAY)
        self._guardian.remove_at_end(self.folder, *self.postgres.folders)

    def start(self, environment: MutableMapping[str, str] = os.environ) -> None:
        """Start the server and name it, and a folder for what tests write, in the environment."""
        self.postgres.start()
        environment["DATABASE_URL"] = self.postgres.url
        environment.setdefault("COVERPAY_VAR", str(self.folder / "var"))

    def stop(self) -> None:
        """Stop the server and remove the folder."""
        self.postgres.stop()
        self._guardian.close()
