"""Seal secrets that must be read again: AES-256-GCM, bound to the row they belong to, with key rotation.

`settings.VAULT_KEYS` lists base64 keys, newest first: the first seals, all open. `settings.FINGERPRINT_KEY` makes the
keyed hashes that tell the same secret again without opening any.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from django.conf import settings

_VERSION = "v1"
_NONCE_BYTES = 12


class CannotOpen(RuntimeError):
    """The sealed text was changed, belongs to another row, or its key is gone."""


def seal(plain: str, *, row_id: str) -> str:
    """Seal a text so that it opens only for this row. Gives ``v1.<key mark>.<base64>``."""
    key = _keys()[0]
    nonce = secrets.token_bytes(_NONCE_BYTES)
    sealed = AESGCM(key).encrypt(nonce, plain.encode(), row_id.encode())
    return f"{_VERSION}.{_mark(key)}.{base64.urlsafe_b64encode(nonce + sealed).decode()}"


def open_sealed(sealed: str, *, row_id: str) -> str:
    """Open what `seal` made for the same row. Raises: CannotOpen."""
    try:
        version, mark, packed = sealed.split(".")
        raw = base64.urlsafe_b64decode(packed)
    except ValueError:
        raise CannotOpen("not a sealed text") from None
    key = next((candidate for candidate in _keys() if _mark(candidate) == mark), None)
    if version != _VERSION or key is None:
        raise CannotOpen(f"no key {mark} for version {version}")
    try:
        return AESGCM(key).decrypt(raw[:_NONCE_BYTES], raw[_NONCE_BYTES:], row_id.encode()).decode()
    except InvalidTag:
        raise CannotOpen("the sealed text does not belong to this row") from None


def newest_prefix() -> str:
    """What every text begins with that the key of today sealed."""
    return f"{_VERSION}.{_mark(_keys()[0])}."


def fingerprint(plain: str, *, scope: str) -> str:
    """A keyed hash that is the same for the same text of the same scope, and tells nothing about it without the key."""
    return hmac.new(settings.FINGERPRINT_KEY.encode(), f"{scope}\n{plain}".encode(), hashlib.sha256).hexdigest()


def _keys() -> list[bytes]:
    return [base64.urlsafe_b64decode(key) for key in settings.VAULT_KEYS]


def _mark(key: bytes) -> str:
    return hashlib.sha256(key).hexdigest()[:8]
