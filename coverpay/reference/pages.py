"""Every page that is written from code."""

from __future__ import annotations

from pathlib import Path

from coverpay.api import schema
from coverpay.reference import gateways, jurisdictions, ledger, states, words

STATES = "states"


def every() -> dict[str, str]:
    """All pages: path below docs/, and text."""
    return {
        **states.pages(),
        **ledger.pages(),
        **words.events(),
        **words.errors(),
        **words.permissions(),
        **gateways.pages(),
        **jurisdictions.pages(),
        "api/openapi.yaml": schema.render(),
    }


def stale(docs: Path) -> list[str]:
    """What differs between a folder and the code, a sentence each."""
    wanted = every()
    missing = [f"{name} is missing" for name in wanted if not (docs / name).is_file()]
    changed = [
        f"{name} is not what the code says"
        for name, text in wanted.items()
        if (docs / name).is_file() and (docs / name).read_text(encoding="utf-8") != text
    ]
    return sorted(missing + changed + [f"{name} describes nothing any more" for name in _left_over(docs, wanted)])


def write(docs: Path) -> list[str]:
    """Write the pages that differ and remove what describes nothing any more. Gives the paths touched."""
    wanted = every()
    touched = _left_over(docs, wanted)
    for name in touched:
        (docs / name).unlink()
    for name, text in wanted.items():
        file = docs / name
        if not file.is_file() or file.read_text(encoding="utf-8") != text:
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, encoding="utf-8")
            touched.append(name)
    return sorted(touched)


def _left_over(docs: Path, wanted: dict[str, str]) -> list[str]:
    present = [path.relative_to(docs).as_posix() for path in (docs / STATES).glob("*.md")]
    return [name for name in present if name not in wanted]
