"""Speak to the API as an integration would: with a key, an Idempotency-Key on every POST, and JSON."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import requests

TIMEOUT_SECONDS = 30
PATIENCE_SECONDS = 90
PAUSE_SECONDS = 0.1


class StepFailed(Exception):
    """The API refused, or what a step waited for did not happen."""


class Client:
    """The API of one installation, with one organization's key."""

    def __init__(self, base_url: str, token: str) -> None:
        self.site = base_url.rstrip("/")
        self._base = f"{self.site}/v1/"
        self._session = requests.Session()
        self._session.headers["Authorization"] = f"Bearer {token}"

    def get(self, path: str, **query: str) -> Any:
        """Read one row, or a page. Raises: StepFailed."""
        return self._told(self._session.get(self._base + path, params=query, timeout=TIMEOUT_SECONDS))

    def rows(self, path: str, **query: str) -> list[dict[str, Any]]:
        """Read the newest rows of a list (200 at most), oldest first."""
        return list(reversed(self.get(path, limit="200", **query)["data"]))

    def post(self, path: str, key: str, body: dict[str, Any] | None = None, files: Any = None) -> Any:
        """Act once under a key. Raises: StepFailed."""
        return self._told(
            self._session.post(
                self._base + path,
                json=None if files else body or {},
                files=files,
                headers={"Idempotency-Key": key},
                timeout=TIMEOUT_SECONDS,
            )
        )

    def patch(self, path: str, body: dict[str, Any]) -> Any:
        """Change one row. Raises: StepFailed."""
        return self._told(self._session.patch(self._base + path, json=body, timeout=TIMEOUT_SECONDS))

    @staticmethod
    def _told(answer: requests.Response) -> Any:
        if answer.status_code >= 300:
            raise StepFailed(f"{answer.request.method} {answer.url} answered {answer.status_code}: {answer.text[:500]}")
        return answer.json()


def wait_for(what: str, ready: Callable[[], Any]) -> Any:
    """Ask again and again until there is an answer. Raises: StepFailed after PATIENCE_SECONDS."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not (found := ready()):
        if time.monotonic() > deadline:
            raise StepFailed(f"waited {PATIENCE_SECONDS} s in vain for {what}")
        time.sleep(PAUSE_SECONDS)
    return found
