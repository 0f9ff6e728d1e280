"""Choose the operating system account that runs a database server, which refuses to run as root."""

import os
import pwd
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from coverpay.local.errors import LocalError

UNPRIVILEGED = "nobody"


@dataclass(frozen=True)
class Account:
    """Name a user and group by number."""

    uid: int
    gid: int

    def popen_arguments(self) -> dict[str, Any]:
        """Give what `subprocess` needs to start a program as this account; nothing when we already are it."""
        if self.uid == os.geteuid():
            return {}
        return {"user": self.uid, "group": self.gid, "extra_groups": []}

    def can_enter(self, folder: Path) -> bool:
        """Tell whether the account can enter a folder and read it, by trying."""
        probe = ["/bin/sh", "-c", 'cd "$1" && test -r .', "sh", str(folder)]
        done = subprocess.run(probe, check=False, capture_output=True, cwd="/", **self.popen_arguments())
        return done.returncode == 0

    def give(self, path: Path) -> None:
        """Make the account the owner of a file or folder; nothing to do when we are not root."""
        if self.uid != os.geteuid():
            os.chown(path, self.uid, self.gid)


def require_name(account: Account) -> None:
    """Insist on a user that the system knows by name: the program that makes a cluster looks it up.

    Raises: LocalError.
    """
    try:
        pwd.getpwuid(account.uid)
    except KeyError:
        raise LocalError(
            f"User {account.uid} has no name on this machine (no line in /etc/passwd), and Postgres needs one to make "
            "its files. Run CoverPay as a user with a name, or set DATABASE_URL to a Postgres of yours."
        ) from None


def server_account(data: Path) -> Account:
    """Choose who runs the server over a data folder: its owner, else ourselves, else (as root) an unprivileged account.

    Raises: LocalError when the folder belongs to somebody we cannot become.
    """
    owner = data.stat() if data.exists() else None
    if os.geteuid() != 0:
        if owner and owner.st_uid != os.geteuid():
            raise LocalError(
                f"{data} belongs to {user_name(owner.st_uid)}: another user (or root) started CoverPay here before. "
                "Start it as that user again, or give the whole `var` folder to yours, or remove it."
            )
        return Account(os.geteuid(), os.getegid())
    if owner and owner.st_uid != 0:
        return Account(owner.st_uid, owner.st_gid)
    nobody = pwd.getpwnam(UNPRIVILEGED)
    return Account(nobody.pw_uid, nobody.pw_gid)


def user_name(uid: int) -> str:
    """Give a user's name, or its number when it has none."""
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"uid {uid}"
