"""Documents say what the code says, and lead somewhere."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from coverpay.kernel import clock
from coverpay.reference import ledger, pages, states
from coverpay.reference.code import machines
from coverpay.webhooks import signing
from tests.architecture.tree import ROOT, files, report, text

DOCS = ROOT / "docs"
_LINK = re.compile(r"\[[^\]]*\]\((?!https?:|mailto:|#)([^)#\s]+)")
_FENCE = re.compile(r"^```.*?^```", re.M | re.S)


def broken_links(path: str, page: str) -> list[str]:
    """Links of a page to files that are not there."""
    links = _LINK.findall(_FENCE.sub("", page))
    return [
        f"{path}: leads to {link}, which is not there"
        for link in links
        if not (ROOT / path).parent.joinpath(link).exists()
    ]


def test_generated_pages_say_what_the_code_says() -> None:
    found = pages.stale(DOCS)
    assert not found, f"run manage.py generate and commit what it wrote:{report(found)}"


def test_links_lead_somewhere() -> None:
    found = [line for path in files() if path.endswith(".md") for line in broken_links(path, text(path))]
    assert not found, report(found)


def test_decisions_are_numbered_without_gaps() -> None:
    numbers = sorted(int(path.name[:4]) for path in (DOCS / "decisions").glob("*.md"))
    assert numbers == list(range(1, len(numbers) + 1))


def test_every_stale_page_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pages, "every", lambda: {"events.md": "events\n", "states/policy.md": "policy\n"})
    (tmp_path / "states").mkdir()
    (tmp_path / "events.md").write_text("old\n")
    (tmp_path / "states" / "gone.md").write_text("gone\n")
    assert pages.stale(tmp_path) == [
        "events.md is not what the code says",
        "states/gone.md describes nothing any more",
        "states/policy.md is missing",
    ]
    assert pages.write(tmp_path) == ["events.md", "states/gone.md", "states/policy.md"]
    assert pages.stale(tmp_path) == []
    assert pages.write(tmp_path) == []


def test_every_machine_and_every_posting_has_its_page() -> None:
    assert len(states.pages()) == len(list(machines())) >= 5
    page = ledger.pages()["ledger.md"]
    posted = [kind for journal in ledger.JOURNALS for kind, _ in ledger.postings(journal)]
    assert len(posted) >= 6
    assert all(f"### `{kind}`" in page for kind in posted)


def test_a_broken_link_is_found() -> None:
    assert broken_links("README.md", "[here](docs/nowhere.md)")
    assert broken_links("README.md", "[here](https://example.com) [there](#top) [file](pyproject.toml#L1)") == []


def test_the_guide_verifies_what_we_sign() -> None:
    guide = (DOCS / "api" / "guide.md").read_text()
    example: dict[str, Any] = {}
    exec(guide.split("```python\n")[1].split("```")[0], example)
    secret, body = signing.new_secret(), b'{"id":"evt_1","type":"invoice.paid"}'
    headers = signing.headers(
        message_id="evt_1", at=clock.now(), body=body, with_secrets=[signing.new_secret(), secret]
    )
    assert example["verified"](headers, body, secret)
    assert not example["verified"](headers, body + b" ", secret)
    assert not example["verified"](headers, body, signing.new_secret())
    assert not example["verified"](headers | {"webhook-timestamp": "1700000000"}, body, secret)
