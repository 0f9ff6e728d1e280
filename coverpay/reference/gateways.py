"""Processors: what each can do, and how the sandbox is made to act."""

from __future__ import annotations

from coverpay.reference import markdown
from payments.gateways import registry, sandbox
from payments.gateways.base import Capabilities, Status


def pages() -> dict[str, str]:
    """docs/gateways.md."""
    text = markdown.page(
        "Gateways",
        "`payments/gateways/`",
        "A gateway is one file and one line in the registry, with six verbs: `charge`, `refund`, `fetch`, `verify`, "
        "`parse`, `payouts`. It answers with one of: " + ", ".join(markdown.code(status) for status in Status) + ".",
        "## Capabilities",
        "Routing reads these; amounts are minor units, cost is parts per million of the amount plus a fixed part.",
        markdown.table(
            ["Gateway", "Methods", "Currencies", "At most", "Cost", "Settles after", "Same key twice charges once"],
            (_row(name, registry.entry(name).capabilities) for name in registry.names()),
        ),
        "## Sandbox tokens",
        "The token of the payment method decides what happens; nothing else does.",
        markdown.table(["Token", "What happens"], ([markdown.code(t), text] for t, text in sandbox.TOKENS.items())),
    )
    return {"gateways.md": text}


def _row(name: str, can: Capabilities) -> list[object]:
    return [
        markdown.code(name),
        ", ".join(sorted(can.methods)),
        ", ".join(sorted(can.currencies)),
        f"{can.max_minor:,}",
        f"{can.cost_ppm:,} ppm + {can.cost_fixed_minor}",
        f"{can.settlement_days} day(s)",
        "yes" if can.idempotent else "no",
    ]
