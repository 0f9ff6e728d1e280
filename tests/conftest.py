"""Start what a test run needs: its own Postgres (unless DATABASE_URL is set) and settings that reach nothing outside.

With pytest-xdist the first process starts the cluster once; its workers find the address in their environment, and
pytest-django gives each worker a database of its own in it.
"""

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.cluster import ThrowawayCluster

pytest_plugins = ["tests.support.database", "tests.support.examples", "tests.support.fixtures"]

CLUSTER = pytest.StashKey[ThrowawayCluster]()

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "coverpay.settings")
os.environ.setdefault("SECRET_KEY", "for-tests-only")
# Nobody listens there: a test that wants a broker starts one.
os.environ.setdefault("REDIS_URL", "redis://127.0.0.1:1/0")


def pytest_configure(config: pytest.Config) -> None:
    """Start the cluster, then read the settings, so that pytest-django sets Django up with them."""
    if not (hasattr(config, "workerinput") or "DATABASE_URL" in os.environ or config.option.collectonly):
        cluster = config.stash[CLUSTER] = ThrowawayCluster()
        cluster.start()
    from django.conf import settings

    # Slow on purpose in production, where a password is worth guessing at.
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


@pytest.hookimpl(trylast=True)
def pytest_unconfigure(config: pytest.Config) -> Any:
    """Stop the cluster."""
    cluster = config.stash.get(CLUSTER, None)
    if cluster is not None:
        cluster.stop()
        os.environ.pop("DATABASE_URL", None)


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder for a stack of its own, which the database server's account can reach, unlike `tmp_path`."""
    made = Path(tempfile.mkdtemp(prefix="coverpay-test-"))
    made.chmod(0o755)
    yield made
    shutil.rmtree(made, ignore_errors=True)
