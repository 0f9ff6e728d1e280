"""What can go wrong while the local stack starts or runs, in words a person can act on."""


class LocalError(Exception):
    """Say why the local stack cannot go on, and what to do about it."""


class StartFailed(LocalError):
    """Say which member did not start, with the end of its log."""


class MemberDied(LocalError):
    """Say which member ended by itself while the stack was up, with the end of its log."""
