"""Run CoverPay's own long-lived programs: the web server, the worker and the beat."""

import http.client
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path

from coverpay.local.member import LOOPBACK, Member
from coverpay.local.process import Guardian, Process

PROJECT = Path(__file__).resolve().parents[2]
HTTP_OK = 200


class Program(Member):
    """Be a Python program of this project; it serves once its log says so."""

    def __init__(self, name: str, guardian: Guardian, log: Path, command: list[str], ready_words: str = "") -> None:
        super().__init__(Process(name, guardian, log))
        self.environment: Mapping[str, str] = {}
        # `make check` has run the checks of the framework; here they would only slow the start.
        self.extra = {"CELERY_SKIP_CHECKS": "1"}
        self._command = [sys.executable, "-m", *command]
        self._ready_words = ready_words

    def begin(self) -> None:
        """Start the program in the project's folder."""
        self.process.spawn(self._command, env={**self.environment, **self.extra}, cwd=PROJECT)

    def is_ready(self) -> bool:
        """Look for the words of readiness in what this start wrote."""
        return self.process.wrote(self._ready_words)


class Web(Program):
    """Be the web server on loopback: gunicorn with two workers."""

    def __init__(self, guardian: Guardian, log: Path, port: int) -> None:
        options = [f"--bind={LOOPBACK}:{port}", "--workers=2", "--preload", "--no-control-socket"]
        timing = ["--timeout=60", "--graceful-timeout=5", "--keep-alive=5"]
        super().__init__("web", guardian, log, ["gunicorn", *options, *timing, "coverpay.wsgi"])
        self.port = port
        self._metrics = log.parent.parent / "metrics"
        self.extra = {"PROMETHEUS_MULTIPROC_DIR": str(self._metrics)}

    def begin(self) -> None:
        """Start the server with empty metrics, which its workers add up in files."""
        shutil.rmtree(self._metrics, ignore_errors=True)
        self._metrics.mkdir(parents=True)
        super().begin()

    @property
    def url(self) -> str:
        """Give the address a browser opens."""
        return f"http://{LOOPBACK}:{self.port}"

    def is_ready(self) -> bool:
        """Ask /healthz."""
        connection = http.client.HTTPConnection(LOOPBACK, self.port, timeout=2)
        try:
            connection.request("GET", "/healthz")
            return connection.getresponse().status == HTTP_OK
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()


def worker(guardian: Guardian, log: Path) -> Program:
    """Give the Celery worker: two processes, none of the cluster chatter that a single worker has no use for."""
    quiet = ["--without-gossip", "--without-mingle", "--without-heartbeat"]
    command = ["celery", "-A", "coverpay.celery", "worker", "--concurrency=2", "--loglevel=INFO", *quiet]
    return Program("worker", guardian, log, command, ready_words=" ready.")


def beat(guardian: Guardian, log: Path, schedule: Path) -> Program:
    """Give the Celery beat, which wakes the sweeps; its schedule file may be lost."""
    command = ["celery", "-A", "coverpay.celery", "beat", f"--schedule={schedule}", "--pidfile=", "--loglevel=INFO"]
    return Program("beat", guardian, log, command, ready_words="beat: Starting")
