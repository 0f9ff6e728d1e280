"""Files that are looked at before they are taken in: small enough to travel in the page that shows them."""

from __future__ import annotations

import base64
import binascii
import zlib
from typing import Any

from django import forms


def packed(content: bytes) -> str:
    """Write a file as the text of a hidden field."""
    return base64.b64encode(zlib.compress(content, 9)).decode()


def unpacked(text: str, most_bytes: int) -> bytes:
    """Read it back, one byte beyond the limit at most; empty for what is no such text."""
    try:
        return zlib.decompressobj().decompress(base64.b64decode(text, validate=True), most_bytes + 1)
    except (binascii.Error, zlib.error):
        return b""


class HeldFileForm(forms.Form):
    """A form with a `file`, or what is held of the one that was looked at a moment ago; gives its `content`."""

    MOST_BYTES = 5 * 1024 * 1024
    file = forms.FileField(label="File", max_length=200)
    held = forms.CharField(required=False, widget=forms.HiddenInput)
    held_name = forms.CharField(required=False, max_length=200, widget=forms.HiddenInput)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["file"].required = not self.data.get("held")

    def clean(self) -> dict[str, Any]:
        said = super().clean() or {}
        upload, held, name = said.pop("file", None), said.pop("held", ""), said.pop("held_name", "")
        content = upload.read() if upload else unpacked(held or "", self.MOST_BYTES)
        if not content and "file" not in self.errors:
            self.add_error("file", "Choose the file.")
        if len(content) > self.MOST_BYTES:
            self.add_error("file", f"A file looked at here may have up to {self.MOST_BYTES // 1024 // 1024} MB.")
        return {**said, "content": content, "file_name": upload.name if upload else name}
