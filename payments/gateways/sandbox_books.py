"""The sandbox processor's own books: an SQLite file, apart from ours, so that a test can count what it really took."""

from __future__ import annotations

import datetime as dt
import json
import os
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

_SCHEMA = """
CREATE TABLE IF NOT EXISTS charge (
    reference TEXT PRIMARY KEY, merchant TEXT NOT NULL, amount INTEGER NOT NULL, asked INTEGER NOT NULL,
    currency TEXT NOT NULL, method TEXT NOT NULL, token TEXT NOT NULL, status TEXT NOT NULL, code TEXT NOT NULL,
    gateway_reference TEXT NOT NULL, calls INTEGER NOT NULL DEFAULT 1, payout TEXT, returned_in TEXT);
CREATE TABLE IF NOT EXISTS refund (
    reference TEXT PRIMARY KEY, merchant TEXT NOT NULL, charge TEXT NOT NULL, amount INTEGER NOT NULL,
    currency TEXT NOT NULL, status TEXT NOT NULL, code TEXT NOT NULL, gateway_reference TEXT NOT NULL, payout TEXT);
CREATE TABLE IF NOT EXISTS dispute (
    gateway_reference TEXT PRIMARY KEY, reference TEXT NOT NULL, merchant TEXT NOT NULL, amount INTEGER NOT NULL,
    currency TEXT NOT NULL, status TEXT NOT NULL, reason TEXT NOT NULL, withdrawn INTEGER NOT NULL,
    due_at TEXT NOT NULL, payout TEXT, won_in TEXT);
CREATE TABLE IF NOT EXISTS payout (
    reference TEXT PRIMARY KEY, merchant TEXT NOT NULL, net INTEGER NOT NULL, currency TEXT NOT NULL,
    paid_on TEXT NOT NULL, lines TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS lost (reference TEXT PRIMARY KEY);
CREATE TABLE IF NOT EXISTS webhook (
    id INTEGER PRIMARY KEY AUTOINCREMENT, event TEXT NOT NULL, merchant TEXT NOT NULL, body TEXT NOT NULL,
    delivered INTEGER NOT NULL DEFAULT 0);
"""


DISPUTE_FEE_MINOR = 1_500
_here = threading.local()


def _connected(file: Path) -> sqlite3.Connection:
    """This thread's connection to the file, opened once. What is committed outlives the process, not a power cut."""
    wanted = (file, os.getpid())
    if getattr(_here, "wanted", None) == wanted and file.exists():
        kept: sqlite3.Connection = _here.connection
        return kept
    file.parent.mkdir(parents=True, exist_ok=True)
    connection = sqlite3.connect(file, timeout=30, isolation_level=None)
    connection.row_factory = sqlite3.Row
    connection.executescript("PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;" + _SCHEMA)
    _here.wanted, _here.connection = wanted, connection
    return connection


class Books:
    """What the sandbox took, gave back, paid out, and has yet to tell."""

    def __init__(self, file: Path) -> None:
        self.file = file

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        connection = _connected(self.file)
        connection.execute("BEGIN IMMEDIATE")
        try:
            yield connection
        except BaseException:
            connection.execute("ROLLBACK")
            raise
        connection.execute("COMMIT")

    def take(self, row: dict[str, Any]) -> dict[str, Any]:
        """Write a charge, or find the one of the same reference and count the call."""
        with self._open() as db:
            found = db.execute("SELECT * FROM charge WHERE reference = ?", [row["reference"]]).fetchone()
            if found is not None:
                db.execute(
                    "UPDATE charge SET calls = calls + 1 WHERE reference = ?",
                    [row["reference"]],
                )
                return dict(found)
            row["gateway_reference"] = f"sbx_ch_{_count(db, 'charge') + 1:06d}"
            db.execute(
                "INSERT INTO charge (reference, merchant, amount, asked, currency, method, token, status, code, "
                "gateway_reference) VALUES (:reference, :merchant, :amount, :asked, :currency, :method, :token, "
                ":status, :code, :gateway_reference)",
                row,
            )
            return row

    def lose(self, reference: str) -> bool:
        """Lose a request on the way, once per reference. Gives: whether this one was lost."""
        with self._open() as db:
            return db.execute("INSERT OR IGNORE INTO lost VALUES (?)", [reference]).rowcount == 1

    def capture(self, reference: str, amount: int) -> dict[str, Any]:
        """Take what a charge holds, or a part of it; the rest is let go."""
        with self._open() as db:
            db.execute("UPDATE charge SET status = 'succeeded', amount = ? WHERE reference = ?", [amount, reference])
            return dict(db.execute("SELECT * FROM charge WHERE reference = ?", [reference]).fetchone())

    def given_back(self, reference: str) -> int:
        """What was refunded of a charge."""
        with self._open() as db:
            return _given(db, reference)

    def begin_dispute(self, charge: dict[str, Any], amount: int, withdrawn: bool, due_at: str) -> dict[str, Any]:
        """Write that a charge is disputed."""
        with self._open() as db:
            row = {
                "gateway_reference": f"sbx_dp_{_count(db, 'dispute') + 1:06d}",
                "reference": charge["reference"],
                "merchant": charge["merchant"],
                "amount": amount,
                "currency": charge["currency"],
                "withdrawn": int(withdrawn),
                "due_at": due_at,
            }
            db.execute(
                "INSERT INTO dispute (gateway_reference, reference, merchant, amount, currency, status, reason, "
                "withdrawn, due_at) VALUES (:gateway_reference, :reference, :merchant, :amount, :currency, "
                "'needs_response', 'fraudulent', :withdrawn, :due_at)",
                row,
            )
            return _dispute(db, row["gateway_reference"])

    def dispute_of(self, reference: str) -> dict[str, Any] | None:
        """The dispute of a charge by the caller's reference."""
        with self._open() as db:
            found = db.execute("SELECT * FROM dispute WHERE reference = ?", [reference]).fetchone()
            return dict(found) if found else None

    def answer(self, merchant: str, dispute: str, status: str) -> dict[str, Any]:
        """Take an answer to a dispute that waits for one; to any other it changes nothing."""
        with self._open() as db:
            db.execute(
                "UPDATE dispute SET status = ? WHERE gateway_reference = ? AND merchant = ? "
                "AND status = 'needs_response'",
                [status, dispute, merchant],
            )
            return _dispute(db, dispute)

    def decide_dispute(self, dispute: str, status: str) -> dict[str, Any]:
        """Write how a dispute ended."""
        with self._open() as db:
            db.execute("UPDATE dispute SET status = ? WHERE gateway_reference = ?", [status, dispute])
            return _dispute(db, dispute)

    def give_back(self, row: dict[str, Any], *, refused: bool = False) -> dict[str, Any]:
        """Write a refund, or find the one of the same reference; more than was taken is declined."""
        with self._open() as db:
            found = db.execute("SELECT * FROM refund WHERE reference = ?", [row["reference"]]).fetchone()
            if found is not None:
                return dict(found)
            charge = db.execute(
                "SELECT * FROM charge WHERE reference = ? AND merchant = ?", [row["charge"], row["merchant"]]
            ).fetchone()
            given = _given(db, row["charge"])
            fits = charge is not None and charge["status"] == "succeeded" and given + row["amount"] <= charge["amount"]
            disputed = db.execute(
                "SELECT COUNT(*) FROM dispute WHERE reference = ? AND withdrawn AND status <> 'won'", [row["charge"]]
            ).fetchone()[0]
            code = "refused" if refused else "charge_disputed" if disputed else "" if fits else "refund_exceeds_charge"
            row |= {
                "status": "declined" if code else "succeeded",
                "code": code,
                "gateway_reference": f"sbx_re_{_count(db, 'refund') + 1:06d}",
            }
            db.execute(
                "INSERT INTO refund (reference, merchant, charge, amount, currency, status, code, gateway_reference) "
                "VALUES (:reference, :merchant, :charge, :amount, :currency, :status, :code, :gateway_reference)",
                row,
            )
            return row

    def find(self, merchant: str, reference: str) -> dict[str, Any] | None:
        """A charge or refund by the caller's reference."""
        with self._open() as db:
            for table in ("charge", "refund"):
                found = db.execute(
                    f"SELECT * FROM {table} WHERE merchant = ? AND reference = ?",
                    [merchant, reference],
                ).fetchone()
                if found is not None:
                    return dict(found)
        return None

    def move(self, reference: str, status: str, code: str = "") -> dict[str, Any]:
        """Change a charge's status, as time does with pending ones."""
        with self._open() as db:
            db.execute(
                "UPDATE charge SET status = ?, code = ? WHERE reference = ?",
                [status, code, reference],
            )
            return dict(db.execute("SELECT * FROM charge WHERE reference = ?", [reference]).fetchone())

    def tell(self, merchant: str, event: str, body: dict[str, Any]) -> None:
        """Queue a webhook; the same event may be queued more than once."""
        with self._open() as db:
            db.execute(
                "INSERT INTO webhook (event, merchant, body) VALUES (?, ?, ?)",
                [event, merchant, json.dumps(body)],
            )

    def untold(self, merchant: str) -> list[dict[str, Any]]:
        """Webhooks not delivered yet, in the order they were queued."""
        with self._open() as db:
            rows = db.execute(
                "SELECT * FROM webhook WHERE merchant = ? AND delivered = 0 ORDER BY id",
                [merchant],
            )
            return [dict(row) for row in rows]

    def told(self, number: int) -> None:
        with self._open() as db:
            db.execute("UPDATE webhook SET delivered = 1 WHERE id = ?", [number])

    def charges(self, merchant: str | None = None) -> list[dict[str, Any]]:
        """Every charge, for counting what was really taken."""
        with self._open() as db:
            rows = db.execute("SELECT * FROM charge ORDER BY gateway_reference").fetchall()
            return [dict(row) for row in rows if merchant is None or row["merchant"] == merchant]

    def close_day(self, merchant: str, on: dt.date, fee: Any) -> list[str]:
        """Pay out, per currency, everything that succeeded or was given back and is not paid out yet."""
        with self._open() as db:
            lines = _payable(db, merchant, fee)
            made: list[str] = []
            for currency in sorted({line["currency"] for line in lines}):
                mine = [line for line in lines if line["currency"] == currency]
                reference = f"SBX{on:%y%m%d}{_count(db, 'payout') + 1:04d}"
                net = sum(line["gross_minor"] - line["fee_minor"] for line in mine)
                db.execute(
                    "INSERT INTO payout VALUES (?, ?, ?, ?, ?, ?)",
                    [
                        reference,
                        merchant,
                        net,
                        currency,
                        on.isoformat(),
                        json.dumps(mine),
                    ],
                )
                _mark_paid_out(db, mine, reference)
                made.append(reference)
            return made

    def payouts(self, merchant: str, since: dt.date) -> list[dict[str, Any]]:
        with self._open() as db:
            rows = db.execute(
                "SELECT * FROM payout WHERE merchant = ? AND paid_on >= ? ORDER BY reference",
                [merchant, since.isoformat()],
            )
            return [dict(row) | {"lines": json.loads(row["lines"])} for row in rows]


def _count(db: sqlite3.Connection, table: str) -> int:
    return int(db.execute(f"SELECT COUNT(*) FROM {table}").fetchone()[0])


def _given(db: sqlite3.Connection, charge: str) -> int:
    query = "SELECT COALESCE(SUM(amount), 0) FROM refund WHERE charge = ? AND status = 'succeeded'"
    return int(db.execute(query, [charge]).fetchone()[0])


def _dispute(db: sqlite3.Connection, dispute: str) -> dict[str, Any]:
    return dict(db.execute("SELECT * FROM dispute WHERE gateway_reference = ?", [dispute]).fetchone())


def _payable(db: sqlite3.Connection, merchant: str, fee: Any) -> list[dict[str, Any]]:
    queries = {
        "charge": "SELECT reference, gateway_reference, currency, amount AS gross FROM charge "
        "WHERE merchant = ? AND payout IS NULL AND status IN ('succeeded', 'returned') AND amount > 0",
        "return": "SELECT reference, gateway_reference, currency, -amount AS gross FROM charge "
        "WHERE merchant = ? AND returned_in IS NULL AND status = 'returned'",
        "refund": "SELECT reference, gateway_reference, currency, -amount AS gross FROM refund "
        "WHERE merchant = ? AND payout IS NULL AND status = 'succeeded'",
        "dispute": "SELECT reference, gateway_reference, currency, -amount AS gross FROM dispute "
        "WHERE merchant = ? AND payout IS NULL AND (withdrawn OR status = 'lost')",
        "dispute_won": "SELECT reference, gateway_reference, currency, amount AS gross FROM dispute "
        "WHERE merchant = ? AND payout IS NOT NULL AND won_in IS NULL AND withdrawn AND status = 'won'",
    }
    fees = {"charge": fee, "dispute": lambda gross: DISPUTE_FEE_MINOR}
    return [
        {
            "kind": kind,
            "our_reference": row["reference"],
            "gateway_reference": row["gateway_reference"],
            "currency": row["currency"],
            "gross_minor": row["gross"],
            "fee_minor": fees[kind](row["gross"]) if kind in fees else 0,
        }
        for kind, query in queries.items()
        for row in db.execute(query, [merchant]).fetchall()
    ]


def _mark_paid_out(db: sqlite3.Connection, lines: list[dict[str, Any]], reference: str) -> None:
    columns = {
        "charge": ("charge", "payout"),
        "return": ("charge", "returned_in"),
        "refund": ("refund", "payout"),
        "dispute": ("dispute", "payout"),
        "dispute_won": ("dispute", "won_in"),
    }
    for line in lines:
        table, column = columns[line["kind"]]
        db.execute(
            f"UPDATE {table} SET {column} = ? WHERE gateway_reference = ?",
            [reference, line["gateway_reference"]],
        )
