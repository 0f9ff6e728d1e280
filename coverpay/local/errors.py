"""What can go wrong while the local stack starts or runs, in words a person can act on."""


class LocalError(Exception):
    """Say why the local stack cannot go on, and what to do about it."""


class StartFailed(LocalError):
    """Say which part did not start, with the end of its log."""


class MemberDied(LocalError):
    """Say which part ended by itself while the stack was up, with the end of its log."""


class CommandFailed(LocalError):
    """Say which command failed, with the end of its log."""

    def __init__(self, message: str, code: int) -> None:
        super().__init__(message)
        self.code = code
