"""Who may have an account: people an administrator added, nobody else."""

from __future__ import annotations

from allauth.account.adapter import DefaultAccountAdapter
from django.http import HttpRequest


class InvitedOnly(DefaultAccountAdapter):  # type: ignore[misc]
    """Sign-in for people who were added; there is no sign-up."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return False
