"""Read an answered page as a person does: its words, its links, its fields."""

from __future__ import annotations

from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any

_SILENT = ("style", "script")


@dataclass
class Page:
    """The words in order, the addresses of links by their words, and the forms' addresses and field names."""

    text: str = ""
    links: dict[str, str] = field(default_factory=dict)
    posts_to: list[str] = field(default_factory=list)
    fields: list[str] = field(default_factory=list)


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.words: list[str] = []
        self.page = Page()
        self.href: str | None = None
        self.anchor: list[str] = []
        self.silent = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        named = dict(attrs)
        if tag in _SILENT:
            self.silent += 1
        elif tag == "a":
            self.href, self.anchor = named.get("href"), []
        elif tag == "form" and named.get("method") == "post":
            self.page.posts_to.append(named.get("action") or "")
        elif tag in ("input", "select", "textarea") and named.get("name"):
            self.page.fields.append(str(named["name"]))

    def handle_endtag(self, tag: str) -> None:
        if tag in _SILENT:
            self.silent -= 1
        elif tag == "a" and self.href is not None:
            self.page.links[_joined(self.anchor)] = self.href
            self.href = None

    def handle_data(self, data: str) -> None:
        if not self.silent:
            self.words.append(data)
            self.anchor.append(data)


def _joined(words: list[str]) -> str:
    return " ".join(" ".join(words).split())


def read(answer: Any) -> Page:
    """Read the page of an answer."""
    reader = _Reader()
    reader.feed(answer.content.decode())
    reader.page.text = _joined(reader.words)
    return reader.page
