"""The HTTP side: authentication, idempotency keys, and faults around every request."""

from __future__ import annotations

import base64
import json
import select
import socket
import struct
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

from coverpay.demo.processor import control, events, faults, routes
from coverpay.demo.processor.store import Store, shown
from coverpay.demo.processor.wire import Refused, form, invalid

Reply = tuple[int, dict[str, Any], dict[str, str]]
_RESET = struct.pack("ii", 1, 0)


class Server(ThreadingHTTPServer):
    """One port of the processor: its API, or its control."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, port: int, handler: type[BaseHTTPRequestHandler], store: Store) -> None:
        self.store = store
        self.busy: set[tuple[str, str]] = set()
        self.busy_lock = threading.Lock()
        super().__init__(("127.0.0.1", port), handler)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of callers that hung up: they are made to."""
        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)


class Handler(BaseHTTPRequestHandler):
    """What both ports share."""

    protocol_version = "HTTP/1.1"
    server: Server

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing: the books say it all."""

    def body(self) -> str:
        return self.rfile.read(int(self.headers.get("content-length", 0))).decode()

    def send(self, status: int, body: bytes, headers: dict[str, str], *, cut: int = 0, drip: float = 0) -> None:
        """Answer; `cut` leaves off the end of the body, `drip` seconds are taken to send it."""
        self.send_response(status)
        for name, value in {"Content-Type": "application/json", **headers, "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        sent = body[: len(body) - cut] if cut else body
        if drip:
            for place in range(0, len(sent), max(1, len(sent) // 10)):
                self.wfile.write(sent[place : place + max(1, len(sent) // 10)])
                time.sleep(drip / 10)
        else:
            self.wfile.write(sent)
        self.wfile.flush()
        self.close_connection = self.close_connection or bool(cut)


class Api(Handler):
    """The Stripe subset under /v1/."""

    def do_GET(self) -> None:
        url = urlsplit(self.path)
        self._answer("GET", url.path, form(url.query), url.query)

    def do_POST(self) -> None:
        text = self.body()
        self._answer("POST", urlsplit(self.path).path, form(text), text)

    def _answer(self, method: str, path: str, params: dict[str, Any], text: str) -> None:
        key = self.headers.get("Idempotency-Key", "")
        with self.server.store.transaction():
            whose = f"{self.headers.get('Authorization')} {key}"
            fault = faults.choose(self.server.store, f"{method} {path}", whose, params)
        if fault in faults.BEFORE and self._broken_before(fault, key, f"{method} {path}?{text}"):
            return
        status, body, headers = self._handled(method, path, params, text)
        self._reply(fault, status, json.dumps(shown(body)).encode(), headers)

    def _broken_before(self, fault: str, key: str, request: str) -> bool:
        """Meet a fault before anything is taken. Gives whether that was the whole answer."""
        if fault == "timeout_before":
            self._hang()
        elif fault == "reset_before":
            self._reset()
        elif fault == "busy":
            error = {"type": "invalid_request_error", "code": "rate_limit", "message": "Too many requests."}
            self.send(429, json.dumps({"error": error}).encode(), {"Retry-After": "1"})
        elif fault == "unavailable":
            self.send(503, b"<html>Service Unavailable</html>", {"Content-Type": "text/html"})
        else:
            self._keep_error(key, request)
        return True

    def _keep_error(self, key: str, request: str) -> None:
        """A 500 from inside: the key keeps it, so that every retry under the key sees it again."""
        body = {"error": {"type": "api_error", "message": "An unknown error occurred."}}
        store = self.server.store
        try:
            with store.transaction():
                known = store.run("SELECT 1 FROM answer WHERE account = ? AND key = ?", self._account(), key)
                if key and not known:
                    store.run(
                        "INSERT INTO answer VALUES (?, ?, ?, 500, ?)", self._account(), key, request, json.dumps(body)
                    )
        except Refused as refused:
            self.send(refused.status, json.dumps({"error": refused.error}).encode(), {})
            return
        self.send(500, json.dumps(body).encode(), {})

    def _reply(self, fault: str, status: int, body: bytes, headers: dict[str, str]) -> None:
        """Send the answer, or what a fault makes of it."""
        if fault == "timeout_after":
            self._hang()
        elif fault == "reset_after":
            self._reset()
        elif fault == "error_after":
            self.send(500, b'{"error": {"type": "api_error", "message": "An unknown error occurred."}}', {})
        elif fault == "odd":
            self.send(200, b"<html>All is well</html>", {"Content-Type": "text/html"})
        else:
            drip = float(self.server.store.setting("slow_seconds", 2)) if fault == "slow" else 0
            self.send(status, body, headers, cut=len(body) // 2 if fault == "truncated" else 0, drip=drip)

    def _handled(self, method: str, path: str, params: dict[str, Any], text: str) -> Reply:
        store, headers = self.server.store, {"Request-Id": f"req_{time.monotonic_ns()}"}
        try:
            account = self._account()
            if not path.startswith("/v1/"):
                raise invalid(f"Unrecognized request URL ({method}: {path}).", status=404)
            if method == "GET":
                with store.transaction():
                    return 200, routes.get(store, account, path.removeprefix("/v1/"), params), headers
            return self._once(account, path, params, text, headers)
        except Refused as refused:
            return refused.status, {"error": refused.error}, headers

    def _account(self) -> str:
        """Whose books: those of the key, or of the connected account it acts for. Raises: Refused."""
        scheme, _, given = self.headers.get("Authorization", "").partition(" ")
        if scheme == "Basic":
            given = base64.b64decode(given).decode().partition(":")[0]
        if not given.startswith(("sk_", "rk_")):
            raise invalid("Invalid API Key provided.", status=401)
        return str(self.headers.get("Stripe-Account") or given)

    def _once(self, account: str, path: str, params: dict[str, Any], text: str, headers: dict[str, str]) -> Reply:
        """Act once for a key: the same request again has the same answer. Raises: Refused."""
        store, key, request = self.server.store, self.headers.get("Idempotency-Key", ""), f"POST {path}?{text}"
        if not key:
            with store.transaction():
                return self._acted(account, path, params, headers)
        with self.server.busy_lock:
            if (account, key) in self.server.busy:
                raise Refused(409, "idempotency_error", "There is a request in progress with this key.",
                              code="idempotency_key_in_use")  # fmt: skip
            self.server.busy.add((account, key))
        try:
            time.sleep(float(store.setting("work_seconds", 0)))
            with store.transaction():
                known = store.run("SELECT * FROM answer WHERE account = ? AND key = ?", account, key)
                if known and known[0]["request"] != request:
                    raise Refused(400, "idempotency_error", "The key was used with other parameters.")
                if known:
                    return known[0]["status"], json.loads(known[0]["body"]), headers | {"Idempotent-Replayed": "true"}
                status, body, headers = self._acted(account, path, params, headers)
                kept = json.dumps(shown(body))
                store.run("INSERT INTO answer VALUES (?, ?, ?, ?, ?)", account, key, request, status, kept)
                return status, body, headers
        finally:
            with self.server.busy_lock:
                self.server.busy.discard((account, key))

    def _acted(self, account: str, path: str, params: dict[str, Any], headers: dict[str, str]) -> Reply:
        """Act inside the open transaction. A decline is an effect, and kept; anything else refused has none."""
        try:
            return 200, routes.post(self.server.store, account, path.removeprefix("/v1/"), params), headers
        except Refused as refused:
            if not refused.kept:
                raise
            return refused.status, {"error": refused.error}, headers

    def _hang(self) -> None:
        """Say nothing until the caller has given up."""
        until = time.monotonic() + float(self.server.store.setting("hang_seconds", 30))
        while time.monotonic() < until:
            readable, _, _ = select.select([self.connection], [], [], 0.2)
            if readable and not self.connection.recv(1, socket.MSG_PEEK):
                break
        self.close_connection = True

    def _reset(self) -> None:
        """Break the connection off."""
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        self.connection.close()
        self.close_connection = True


class Control(Handler):
    """The tests' own way in: JSON under any path, never part of the API."""

    def do_POST(self) -> None:
        asked = json.loads(self.body() or "{}")
        try:
            answer = control.answer(self.server.store, self.path.strip("/"), asked)
            self.send(200, json.dumps(answer).encode(), {})
        except Refused as refused:
            self.send(refused.status, json.dumps({"error": refused.error}).encode(), {})


def serve(store: Store, port: int, control_port: int) -> None:
    """Serve until the process ends, having said where."""
    door = control.Door(lambda chosen: Server(chosen, Api, store), port)
    steering = Server(control_port, Control, store)
    control.DOORS.append(door)
    events.Courier(store).start()
    control.announce(door.url, steering.url)
    steering.serve_forever()
