"""What the processor remembers: objects in Stripe's own shape, answers by idempotency key, faults and deliveries."""

from __future__ import annotations

import json
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

Thing = dict[str, Any]

_SCHEMA = """
CREATE TABLE IF NOT EXISTS thing (
    number INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT UNIQUE, kind TEXT NOT NULL, account TEXT NOT NULL,
    created INTEGER NOT NULL, body TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS thing_by_kind ON thing (kind, account, number);
CREATE TABLE IF NOT EXISTS answer (
    account TEXT NOT NULL, key TEXT NOT NULL, request TEXT NOT NULL, status INTEGER NOT NULL, body TEXT NOT NULL,
    PRIMARY KEY (account, key));
CREATE TABLE IF NOT EXISTS fault (
    number INTEGER PRIMARY KEY AUTOINCREMENT, place TEXT NOT NULL, fault TEXT NOT NULL, times INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS fault_used (name TEXT PRIMARY KEY);
CREATE TABLE IF NOT EXISTS setting (name TEXT PRIMARY KEY, body TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS delivery (
    number INTEGER PRIMARY KEY AUTOINCREMENT, event TEXT NOT NULL, account TEXT NOT NULL, due_at REAL NOT NULL,
    tries INTEGER NOT NULL DEFAULT 0, state TEXT NOT NULL DEFAULT 'waiting');
"""


class Store:
    """One SQLite file behind one lock; a request's effect and its answer are written together or not at all."""

    def __init__(self, file: Path) -> None:
        file.parent.mkdir(parents=True, exist_ok=True)
        self._db = sqlite3.connect(file, check_same_thread=False, isolation_level=None)
        self._db.row_factory = sqlite3.Row
        self._db.executescript("PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;" + _SCHEMA)
        self._lock = threading.RLock()
        self._open = False

    @contextmanager
    def transaction(self) -> Iterator[None]:
        with self._lock:
            if self._open:
                yield
                return
            self._db.execute("BEGIN IMMEDIATE")
            self._open = True
            try:
                yield
            except BaseException:
                self._db.execute("ROLLBACK")
                raise
            else:
                self._db.execute("COMMIT")
            finally:
                self._open = False

    def run(self, sql: str, *values: Any) -> list[sqlite3.Row]:
        with self._lock:
            return self._db.execute(sql, values).fetchall()

    def now(self) -> int:
        """The processor's own time: the machine's, and what `advance` added."""
        return int(time.time()) + int(self.setting("clock", 0))

    def add(self, account: str, prefix: str, kind: str, **facts: Any) -> Thing:
        """Write a new object with an id of its own."""
        created = self.now()
        number = self.run(
            "INSERT INTO thing (kind, account, created, body) VALUES (?, ?, ?, '{}') RETURNING number",
            kind, account, created,
        )[0][0]  # fmt: skip
        thing = {"id": f"{prefix}_{number:08d}", "object": kind, "created": created, "livemode": False, **facts}
        self.run("UPDATE thing SET id = ? WHERE number = ?", thing["id"], number)
        self.save(thing)
        return thing

    def save(self, thing: Thing) -> None:
        self.run("UPDATE thing SET body = ? WHERE id = ?", json.dumps(thing), thing["id"])

    def find(self, account: str, kind: str, name: str) -> Thing | None:
        rows = self.run("SELECT body FROM thing WHERE id = ? AND kind = ? AND account = ?", name, kind, account)
        return json.loads(rows[0]["body"]) if rows else None

    def all(self, account: str, kind: str) -> list[Thing]:
        """Every object of a kind, newest first."""
        sql = "SELECT body FROM thing WHERE kind = ? AND account = ? ORDER BY number DESC"
        return [json.loads(row["body"]) for row in self.run(sql, kind, account)]

    def with_metadata(self, account: str, kind: str, name: str, value: str, until: int) -> list[Thing]:
        rows = self.run(
            "SELECT body FROM thing WHERE kind = ? AND account = ? AND created <= ? "
            "AND json_extract(body, ?) = ? ORDER BY number DESC",
            kind, account, until, f'$.metadata."{name}"', value,
        )  # fmt: skip
        return [json.loads(row["body"]) for row in rows]

    def setting(self, name: str, default: Any) -> Any:
        rows = self.run("SELECT body FROM setting WHERE name = ?", name)
        return json.loads(rows[0]["body"]) if rows else default

    def set(self, name: str, value: Any) -> None:
        self.run("INSERT OR REPLACE INTO setting VALUES (?, ?)", name, json.dumps(value))

    def count(self, name: str) -> int:
        """Count up, and give the new number."""
        number = int(self.setting(name, 0)) + 1
        self.set(name, number)
        return number


def shown(thing: Any) -> Any:
    """An object as the API shows it: what begins with `_` is the processor's own business."""
    if isinstance(thing, dict):
        return {name: shown(value) for name, value in thing.items() if not name.startswith("_")}
    return [shown(value) for value in thing] if isinstance(thing, list) else thing
