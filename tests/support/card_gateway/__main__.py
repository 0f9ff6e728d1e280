"""Start it: `python -m tests.support.card_gateway --state FILE [--port 0] [--control-port 0]`."""

from __future__ import annotations

import argparse
from pathlib import Path

from tests.support.card_gateway.server import serve
from tests.support.processor.store import Store

if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m tests.support.card_gateway", description=__doc__)
    parser.add_argument("--state", type=Path, required=True, help="the SQLite file of its books")
    parser.add_argument("--port", type=int, default=0, help="of its API; 0 finds a free one")
    parser.add_argument("--control-port", type=int, default=0, help="of its control; 0 finds a free one")
    chosen = parser.parse_args()
    serve(Store(chosen.state), chosen.port, chosen.control_port)
