"""Work a page that previews: look at what would happen, then press the button below it."""

from __future__ import annotations

from typing import Any

from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext


def previewed(client: Client, url: str, typed: dict[str, Any]) -> Any:
    """Press the first button. Gives the answer with the preview in its context."""
    answer: Any = client.post(url, typed)
    assert answer.status_code == 200, answer.context["form"].errors
    return answer


def confirmed(client: Client, url: str, typed: dict[str, Any]) -> Any:
    """Preview, then press the second button. Gives the page it leads to."""
    seen = previewed(client, url, typed)
    answer: Any = client.post(url, {**typed, "confirm": seen.context["confirm"]}, follow=True)
    assert answer.redirect_chain, answer.content
    return answer


def questions(client: Client, url: str) -> int:
    """How many queries a page takes once the frame around it is warm."""
    assert client.get(url).status_code == 200
    with CaptureQueriesContext(connection) as asked:
        client.get(url)
    return len(asked)
