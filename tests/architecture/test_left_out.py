"""What must not be kept: places of one machine, addresses of package registries, keys."""

from __future__ import annotations

import re

import pytest

from tests.architecture.tree import report, text, text_files

_REGISTRIES = [
    ("py", "pi.org"),
    ("python", "hosted.org"),
    ("np", "mjs.org"),
    ("npm", "js.com"),
    ("yarn", "pkg.com"),
    ("crates", ".io"),
    ("proxy.gol", "ang.org"),
    ("rubyg", "ems.org"),
    ("art", "ifactory"),
    ("--index", "-url "),
]
"""In halves, so that this file names none."""

_REGISTRY = re.compile("|".join(re.escape(first + second) for first, second in _REGISTRIES), re.IGNORECASE)
_MACHINE = re.compile(r"""(?<![\w.:/~\-}])/(?:home|root|Users|work|workspace|mnt)/[\w.\-]+""")
_KEY = re.compile(r"-----BEGIN (?:[A-Z]+ )?PRIVATE KEY-----|\b(?:sk|rk)_live_\w+|\bAKIA[0-9A-Z]{16}\b")

_RULES = [
    (_MACHINE, "a path of one machine -> a path below the project, or a setting"),
    (_REGISTRY, "names a package registry -> say what to install, not from where"),
    (_KEY, "a secret -> the environment"),
]


def left_behind(path: str, content: str) -> list[str]:
    """Every line of a file that says what must not be kept."""
    return [
        f"{path}:{number}: {found.group(0)!r} is {why}"
        for number, line in enumerate(content.splitlines(), start=1)
        for pattern, why in _RULES
        for found in [pattern.search(line)]
        if found
    ]


def test_nothing_of_one_machine_is_kept() -> None:
    found = [line for path in text_files() for line in left_behind(path, text(path))]
    assert not found, report(found)


@pytest.mark.parametrize(
    "line", ["open('/ho" + "me/anna/coverpay')", 'cd "/ro' + 'ot/x"', "-----BEGIN PRIVATE" + " KEY-----"]
)
def test_what_must_not_be_kept_is_found(line: str) -> None:
    assert left_behind("a.md", line)


@pytest.mark.parametrize("registry", ["".join(halves) for halves in _REGISTRIES])
def test_every_registry_is_found(registry: str) -> None:
    assert left_behind("a.md", f"from https://{registry} or so")


@pytest.mark.parametrize("line", ["GET /v1/home/", "the /homeowners/ program", "https://example.com/work/1"])
def test_what_only_looks_alike_passes(line: str) -> None:
    assert left_behind("a.md", line) == []
