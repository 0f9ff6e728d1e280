"""Pages hold no code of their own: the content security policy would refuse it, and nobody would see it fail."""

from __future__ import annotations

import re

import pytest

from tests.architecture.tree import files, report, text

_RULES = [
    (re.compile(r"<script\b(?![^>]*\bsrc=)(?![^>]*type=\"application/json\")", re.I), "an inline script -> static/js"),
    (re.compile(r"<[^>]*\son[a-z]+\s*=", re.I), "an inline handler -> a listener in static/js"),
    (
        re.compile(r"(?:href|src|action)\s*=\s*[\"']?\s*javascript:", re.I),
        "a javascript: address -> a button and a listener",
    ),
    (re.compile(r"\|\s*safe\b|\{%\s*autoescape\s+off", re.I), "unescaped output -> format_html in a template tag"),
    (re.compile(r"(?:href|src)\s*=\s*[\"'](?:https?:)?//", re.I), "something fetched from elsewhere -> static/"),
]
_COMMENT = re.compile(r"\{#.*?#\}|\{%\s*comment.*?endcomment\s*%\}", re.S)


def faults(path: str, page: str) -> list[str]:
    """Every piece of a template that does not belong there."""
    bare = _COMMENT.sub(lambda found: "\n" * found.group(0).count("\n"), page)
    return [
        f"{path}:{bare[: found.start()].count(chr(10)) + 1}: {why}"
        for pattern, why in _RULES
        for found in pattern.finditer(bare)
    ]


def test_templates_hold_no_code() -> None:
    pages = [path for path in files() if path.startswith("templates/") and path.endswith((".html", ".txt", ".svg"))]
    found = [line for path in pages for line in faults(path, text(path))]
    assert len(pages) > 10
    assert not found, report(found)


@pytest.mark.parametrize(
    "page",
    [
        "<script>alert(1)</script>",
        "<script type='module'>x</script>",
        '<button class="x" onclick="go()">',
        '<a href="javascript:go()">',
        "{{ name|safe }}",
        '<img src="https://example.com/a.png">',
    ],
)
def test_code_in_a_page_is_found(page: str) -> None:
    assert faults("a.html", page)


@pytest.mark.parametrize(
    "page",
    [
        '<script src="{% static "js/app.js" %}" defer></script>',
        '<a href="{% url "home" %}">',
        "{# <script> #}",
        "<p>on = off</p>",
    ],
)
def test_plain_pages_pass(page: str) -> None:
    assert faults("a.html", page) == []
