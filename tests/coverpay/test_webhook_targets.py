"""Where webhooks may go: public hosts by https, at the address that was checked; nowhere inside."""

from __future__ import annotations

import socket
from typing import Any

import pytest

from coverpay.webhooks import targets
from coverpay.webhooks.targets import TargetRefused

INSIDE = [
    "0.0.0.0",
    "10.0.0.1",
    "100.64.0.1",
    "100.100.100.200",
    "127.0.0.1",
    "127.255.255.254",
    "168.63.129.16",
    "169.254.169.254",
    "172.16.0.1",
    "172.31.255.255",
    "192.0.0.192",
    "192.0.2.1",
    "192.88.99.1",
    "192.168.1.1",
    "198.18.0.1",
    "198.51.100.1",
    "203.0.113.1",
    "224.0.0.1",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::7f00:1",
    "::ffff:127.0.0.1",
    "::ffff:10.0.0.1",
    "::ffff:8.8.8.8",
    "::ffff:0:127.0.0.1",
    "64:ff9b::7f00:1",
    "64:ff9b::808:808",
    "64:ff9b:1::1",
    "100::1",
    "2001::1",
    "2001:db8::1",
    "2002:7f00:1::1",
    "3fff::1",
    "fc00::1",
    "fd00:ec2::254",
    "fe80::1",
    "fec0::1",
    "ff02::1",
    "fe80::1%eth0",
    "not an address",
]
OUTSIDE = ["1.1.1.1", "8.8.8.8", "93.184.215.14", "172.32.0.1", "100.128.0.1", "2606:4700::1111", "2a00:1450:4001::1"]


@pytest.fixture(autouse=True)
def strict(settings: Any) -> None:
    settings.WEBHOOKS_ALLOW_PRIVATE_TARGETS = False


@pytest.fixture
def resolver(monkeypatch: pytest.MonkeyPatch) -> dict[str, list[str]]:
    """A table of names; what is not in it does not exist. Literals stand for themselves, as the system does it."""
    table: dict[str, list[str]] = {}
    real = socket.getaddrinfo

    def look_up(host: str, port: int, **_: Any) -> list[Any]:
        if host in table:
            return [(0, 0, 0, "", (address, port)) for address in table[host]]
        return real(host, port, proto=socket.IPPROTO_TCP, flags=socket.AI_NUMERICHOST)

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    return table


@pytest.mark.parametrize("address", INSIDE)
def test_an_address_inside_is_refused(address: str) -> None:
    assert not targets.is_allowed(address)


@pytest.mark.parametrize("address", OUTSIDE)
def test_an_address_outside_is_allowed(address: str) -> None:
    assert targets.is_allowed(address)


@pytest.mark.parametrize("address", ["127.0.0.1", "10.1.2.3", "192.168.0.9", "172.20.0.1", "::1", "fd12::1", "8.8.8.8"])
def test_in_development_private_hosts_are_fine(settings: Any, address: str) -> None:
    settings.WEBHOOKS_ALLOW_PRIVATE_TARGETS = True
    assert targets.is_allowed(address)


@pytest.mark.parametrize("address", ["169.254.169.254", "fd00:ec2::254", "0.0.0.0", "::", "224.0.0.1", "fe80::1"])
def test_even_in_development_metadata_and_nowhere_are_refused(settings: Any, address: str) -> None:
    settings.WEBHOOKS_ALLOW_PRIVATE_TARGETS = True
    assert not targets.is_allowed(address)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "https://",
        "http://93.184.215.14/",
        "ftp://93.184.215.14/",
        "file:///etc/passwd",
        "gopher://93.184.215.14/",
        "//93.184.215.14/",
        "https://user:secret@93.184.215.14/",
        "https://user@93.184.215.14/",
        "https://93.184.215.14@127.0.0.1/",
        "https://93.184.215.14\\@127.0.0.1/",
        "https://93.184.215.14 /",
        "https://93.184.215.14/\r\nHost: x",
        "https://93.184.215.14/\tx",
        "https://93.184.215.14/#fragment",
        "https://93.184.215.14:0/",
        "https://93.184.215.14:22/",
        "https://93.184.215.14:25/",
        "https://93.184.215.14:80/",
        "https://93.184.215.14:65536/",
        "https://93.184.215.14:x/",
        "https://[::1",
        "https://exämple.org/",
        "https://unknown.example/",
        "https://" + "a" * 64 + ".example/",
        "https://93.184.215.14/" + "a" * 500,
        "https://127.0.0.1/",
        "https://127.1/",
        "https://2130706433/",
        "https://0x7f000001/",
        "https://0177.0.0.1/",
        "https://[::ffff:127.0.0.1]/",
        "https://[64:ff9b::7f00:1]/",
    ],
)
def test_an_address_that_is_odd_or_leads_inside_is_refused(resolver: dict[str, list[str]], url: str) -> None:
    with pytest.raises(TargetRefused) as refusal:
        targets.check(url)
    assert refusal.value.field == "url"


@pytest.mark.parametrize("url", ["https://hooks.example/in?x=1", "https://hooks.example:8443/", "https://1.1.1.1"])
def test_a_public_https_address_is_fine(resolver: dict[str, list[str]], url: str) -> None:
    resolver["hooks.example"] = ["93.184.215.14", "2606:4700::1111"]
    assert targets.check(url).secure


def test_one_inside_address_among_public_ones_refuses_the_name(resolver: dict[str, list[str]]) -> None:
    resolver["mixed.example"] = ["93.184.215.14", "10.0.0.1"]
    with pytest.raises(TargetRefused, match=r"10\.0\.0\.1"):
        targets.check("https://mixed.example/")


def test_the_target_is_the_name_for_tls_and_the_checked_addresses_for_the_connection(
    resolver: dict[str, list[str]],
) -> None:
    resolver["hooks.example"] = ["93.184.215.14", "93.184.215.15"]
    target = targets.check("https://HOOKS.example:8443/in?x=1")
    assert (target.host, target.port, target.path) == ("hooks.example", 8443, "/in?x=1")
    assert target.addresses == ("93.184.215.14", "93.184.215.15")
    assert target.host_header == "hooks.example:8443"
    assert targets.check("https://[2606:4700::1111]").host_header == "[2606:4700::1111]"
