"""Bring the whole of CoverPay up over a demo book, run the main job through it, and serve."""

import hashlib
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path

from coverpay.local.process import Process
from coverpay.local.programs import PROJECT
from coverpay.local.stack import Stack

TABLES_READY = "The tables are up to date."
Say = Callable[[str], None]
PACE = {"SWEEP_SECONDS": "5", "ATTEMPT_LEASE_SECONDS": "10"}
"""The main job waits for the sweeps to find what a processor did not tell; a demonstration need not wait a minute."""


def bring_up(stack: Stack) -> None:
    """Start everything side by side where it is safe: web and beat while tables are made, the worker once they are."""
    collecting = begin_collecting_static(stack)
    stack.start_stores()
    preparing = stack.begin_command("prepare", [sys.executable, "-m", "coverpay.local.prepare"])
    if collecting is not None:
        stack.finish(collecting)
        _static_stamp(stack).write_text(_static_fingerprint())
    stack.begin_programs(stack.web, stack.beat)
    stack.wait_for_words(preparing, TABLES_READY)
    stack.begin_programs(stack.worker)
    stack.finish(preparing)
    stack.await_programs()


def run_main_job(stack: Stack) -> None:
    """Take one premium end to end through the running stack, each step printed.

    Raises: CommandFailed with the job's exit code.
    """
    stack.manage("main_job", "--base-url", stack.web.url, shown=True)


def live_on(stack: Stack) -> None:
    """Bill the rest of the book and pay it in every way, so that there is something to look at."""
    stack.manage("demo_life", shown=True)


def tell_logins(stack: Stack, say: Say) -> None:
    """Print where CoverPay serves and who can sign in."""
    told = json.loads((stack.var / "demo.json").read_text())
    say(f"\nCoverPay is at {stack.web.url}\n\n  Sign in as{'':<25} with the password      who may do the work of")
    for login in told["logins"]:
        say(f"  {login['email']:<35} {login['password']:<22} {login['role']}")
    say(f"\n  API key  {told['api_key']}\n  Logs     {_short(stack.logs)}\n\nPress Ctrl-C to stop.")


def begin_collecting_static(stack: Stack) -> Process | None:
    """Start gathering static files under hashed names, when any has changed since the last time."""
    stamp = _static_stamp(stack)
    if stack.environment["HASHED_STATIC"] != "1" or (stamp.exists() and stamp.read_text() == _static_fingerprint()):
        return None
    stamp.unlink(missing_ok=True)
    return stack.begin_manage("collectstatic", "--noinput", "--clear")


def _static_stamp(stack: Stack) -> Path:
    return stack.var / "static.stamp"


def _static_fingerprint() -> str:
    """Name the state of all static files: ours by content, those of packages by the lock file."""
    digest = hashlib.sha256((PROJECT / "requirements.txt").read_bytes())
    for path in sorted(path for path in (PROJECT / "static").rglob("*") if path.is_file()):
        digest.update(os.fsencode(path.relative_to(PROJECT)))
        digest.update(path.read_bytes())
    return digest.hexdigest()


def _short(path: Path) -> str:
    return os.path.relpath(path) if path.is_relative_to(Path.cwd()) else str(path)
