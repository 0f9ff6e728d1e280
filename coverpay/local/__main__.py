"""Run CoverPay on this machine: `python -m coverpay.local demo | up | run -- COMMAND | stop`."""

import argparse
import os
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from types import FrameType
from typing import TextIO

from coverpay.local import demo, lock
from coverpay.local.errors import CommandFailed, LocalError
from coverpay.local.guardian import running
from coverpay.local.programs import PROJECT
from coverpay.local.stack import Stack

ENDING_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
STOP_SECONDS = 60.0
STARTED = time.monotonic()


class Interrupted(BaseException):
    """Carry the signal that asked us to end."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command.

    Gives: its exit code; 128 + the signal's number when a signal cut it short.
    """
    options = _parse(sys.argv[1:] if arguments is None else arguments)
    var = Path(os.environ.get("COVERPAY_VAR") or PROJECT / "var").absolute()
    try:
        return _commands()[options.command](var, options)
    except CommandFailed as failure:
        say(str(failure), file=sys.stderr)
        return failure.code if failure.code > 0 else 1
    except LocalError as failure:
        say(str(failure), file=sys.stderr)
        return 1
    except Interrupted as interrupted:
        return 128 + interrupted.number


def say(text: str, file: TextIO = sys.stdout) -> None:
    """Print a line at once; a reader that is gone does not keep us from stopping in good order."""
    with suppress(BrokenPipeError):
        print(text, file=file, flush=True)


def run_demo(var: Path, options: argparse.Namespace) -> int:
    """Bring everything up, run the main job, then serve unless told not to."""
    _end_on_signals()
    with Stack(var, {**demo.PACE, **os.environ}) as stack:
        say("Starting Postgres, Valkey, web, worker and beat ...")
        demo.bring_up(stack)
        say(f"ready in {time.monotonic() - STARTED:.1f} s at {stack.web.url}\n")
        demo.run_main_job(stack)
        if options.serve:
            demo.live_on(stack)
            _serve(stack)
    say("Stopped.")
    return 0


def run_up(var: Path, options: argparse.Namespace) -> int:
    """Bring everything up and serve, without the main job."""
    _end_on_signals()
    with Stack(var) as stack:
        demo.bring_up(stack)
        say(f"ready in {time.monotonic() - STARTED:.1f} s")
        _serve(stack)
    return 0


def run_command(var: Path, options: argparse.Namespace) -> int:
    """Run any command beside Postgres and Valkey, which it finds in its environment."""
    _end_on_signals()
    if options.fresh:
        var.mkdir(parents=True, exist_ok=True)
        var = Path(tempfile.mkdtemp(prefix="fresh-", dir=var))
        var.chmod(0o755)
    with Stack(var, keep=not options.fresh) as stack:
        stack.start_stores()
        return stack.run_in_foreground(options.words)


def run_stop(var: Path, options: argparse.Namespace) -> int:
    """Ask the supervisor that holds the folder to stop, and wait until it has."""
    pid = lock.holder(var / "lock").get("pid", 0)
    if not pid or not running(pid):
        say("CoverPay is not running.")
        return 0
    os.kill(pid, signal.SIGTERM)
    deadline = time.monotonic() + STOP_SECONDS
    while running(pid):
        if time.monotonic() > deadline:
            raise LocalError(f"CoverPay (process {pid}) did not stop within {STOP_SECONDS:.0f} s.")
        time.sleep(0.05)
    say("Stopped.")
    return 0


def _serve(stack: Stack) -> None:
    demo.tell_logins(stack, say)
    try:
        stack.watch()
    except Interrupted:
        say("\nStopping ...")


def _end_on_signals() -> None:
    """Turn the first ending signal into Interrupted; later ones cannot disturb the stopping."""

    def interrupt(number: int, frame: FrameType | None) -> None:
        for ending in ENDING_SIGNALS:
            signal.signal(ending, signal.SIG_IGN)
        raise Interrupted(number)

    for ending in ENDING_SIGNALS:
        signal.signal(ending, interrupt)


def _commands() -> dict[str, Callable[[Path, argparse.Namespace], int]]:
    return {"demo": run_demo, "up": run_up, "run": run_command, "stop": run_stop}


def _parse(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m coverpay.local", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    demo_command = commands.add_parser("demo", help="bring everything up, run the main job, serve")
    demo_command.add_argument("--no-serve", dest="serve", action="store_false", help="stop after the main job")
    commands.add_parser("up", help="bring everything up and serve")
    run = commands.add_parser("run", help="run a command beside Postgres and Valkey")
    run.add_argument("--fresh", action="store_true", help="with empty stores of its own, removed at the end")
    run.add_argument("words", nargs="+", metavar="COMMAND")
    commands.add_parser("stop", help="stop what runs from this folder")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
