"""Receive our webhooks on loopback, as an integration would: verify the signature, then read."""

from __future__ import annotations

import json
import threading
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from standardwebhooks import Webhook, WebhookVerificationError


@dataclass(frozen=True, slots=True)
class Received:
    """One verified message."""

    id: str
    type: str
    data: dict[str, Any]


class Receiver:
    """A small HTTP server that keeps what it can verify and answers 400 to anything else."""

    def __init__(self) -> None:
        self.secret = ""
        self.received: list[Received] = []
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}/"

    def __enter__(self) -> Receiver:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def of_type(self, type: str) -> list[Received]:
        return [message for message in self.received if message.type == type]

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        keep = self._keep

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("content-length", 0)))
                self.send_response(204 if keep(dict(self.headers.items()), body) else 400)
                self.end_headers()

            def log_message(self, format: str, *args: Any) -> None:
                """Say nothing: the job prints what matters."""

        return Handler

    def _keep(self, headers: dict[str, str], body: bytes) -> bool:
        lowered = {name.lower(): value for name, value in headers.items()}
        try:
            Webhook(self.secret).verify(body, lowered)
        except (WebhookVerificationError, ValueError):
            return False
        message = json.loads(body)
        self.received.append(Received(lowered["webhook-id"], message["type"], message["data"]))
        return True
