"""Where a webhook may go: public hosts only, at the very addresses that were checked.

A name is resolved once; the connection goes to an address from that answer, so a name that later points inside
(DNS rebinding) is of no use. With WEBHOOKS_ALLOW_PRIVATE_TARGETS, for development, private hosts and http are fine too.
"""

from __future__ import annotations

import ipaddress
import socket
from dataclasses import dataclass
from urllib.parse import SplitResult, urlsplit

from django.conf import settings

from coverpay.kernel.errors import Invalid

Network = ipaddress.IPv4Network | ipaddress.IPv6Network

MAX_URL_LENGTH = 500
_DEFAULT_PORTS = {"https": 443, "http": 80}
_LOWEST_FREE_PORT = 1024


def _networks(*texts: str) -> list[Network]:
    return [ipaddress.ip_network(text) for text in texts]


# IANA special-purpose registries: nothing here is a public host. 168.63.129.16 is a cloud's metadata address.
_NOT_PUBLIC = [
    *_networks("0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12"),
    *_networks("192.0.0.0/24", "192.0.2.0/24", "192.31.196.0/24", "192.52.193.0/24", "192.88.99.0/24"),
    *_networks("192.168.0.0/16", "192.175.48.0/24", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24"),
    *_networks("224.0.0.0/4", "240.0.0.0/4", "168.63.129.16/32"),
    *_networks("2001::/23", "2001:db8::/32", "2002::/16", "2620:4f:8000::/48", "3fff::/20"),
]
_PUBLIC_V6 = ipaddress.ip_network("2000::/3")
_PRIVATE = _networks("10.0.0.0/8", "127.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "::1/128", "fc00::/7")
_METADATA_V6 = ipaddress.ip_address("fd00:ec2::254")


class TargetRefused(Invalid):
    """Webhooks are not sent to this address."""

    code = "target_refused"


@dataclass(frozen=True, slots=True)
class Target:
    """An address that was checked. `addresses` are the only ones a connection may go to."""

    secure: bool
    host: str
    port: int
    path: str
    addresses: tuple[str, ...]

    @property
    def host_header(self) -> str:
        name = f"[{self.host}]" if ":" in self.host else self.host
        return name if self.port == _DEFAULT_PORTS["https" if self.secure else "http"] else f"{name}:{self.port}"


def check(url: str) -> Target:
    """Read an address, resolve its host, and refuse what does not lead to a public host.

    Raises: TargetRefused (field ``url``) with the reason.
    """
    parts = _parse(url)
    host, port = _host_and_port(parts)
    addresses = _resolve(host, port)
    for address in addresses:
        if not is_allowed(address):
            raise _refused(f"{host} leads to {address}, which is not a public address.")
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return Target(parts.scheme == "https", host, port, path, tuple(addresses))


def is_allowed(address: str) -> bool:
    """Tell whether a connection to this IP address is allowed here."""
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:
        return False
    if settings.WEBHOOKS_ALLOW_PRIVATE_TARGETS and ip != _METADATA_V6 and _in(ip, _PRIVATE):
        return True
    if ip.version == 6 and ip not in _PUBLIC_V6:
        return False
    return ip.is_global and not _in(ip, _NOT_PUBLIC)


def _in(ip: ipaddress.IPv4Address | ipaddress.IPv6Address, networks: list[Network]) -> bool:
    return any(ip in network for network in networks if network.version == ip.version)


def _parse(url: str) -> SplitResult:
    if len(url) > MAX_URL_LENGTH or not url.isascii() or any(sign <= " " or sign in '\\"<>^`{|}\x7f' for sign in url):
        raise _refused(f"Write it in up to {MAX_URL_LENGTH} ASCII characters without spaces, the rest percent-encoded.")
    try:
        parts = urlsplit(url)
    except ValueError:
        raise _refused("This is not an address.") from None
    allowed = ("https", "http") if settings.WEBHOOKS_ALLOW_PRIVATE_TARGETS else ("https",)
    if parts.scheme not in allowed:
        raise _refused("Use an https address.")
    if "@" in parts.netloc:
        raise _refused("Leave user name and password out; the signature tells that it is us.")
    if parts.fragment:
        raise _refused("Leave out what follows the #; it is never sent.")
    return parts


def _host_and_port(parts: SplitResult) -> tuple[str, int]:
    default = _DEFAULT_PORTS[parts.scheme]
    try:
        host, port = parts.hostname, default if parts.port is None else parts.port
    except ValueError:
        raise _refused("The port is not a number a port can have.") from None
    if not host:
        raise _refused("The address has no host.")
    if port != default and port < _LOWEST_FREE_PORT:
        raise _refused(f"Port {port} belongs to another service; use {default} or one from {_LOWEST_FREE_PORT} on.")
    return host, port


def _resolve(host: str, port: int) -> list[str]:
    try:
        found = socket.getaddrinfo(host, port, proto=socket.IPPROTO_TCP)
    except (OSError, UnicodeError):
        raise _refused(f"The host {host} cannot be found.") from None
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


def _refused(reason: str) -> TargetRefused:
    return TargetRefused(reason, field="url")
