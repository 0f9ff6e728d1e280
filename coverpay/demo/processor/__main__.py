"""Start the processor: `python -m coverpay.demo.processor --state FILE [--port 0] [--control-port 0]`."""

from __future__ import annotations

import argparse
from pathlib import Path

from coverpay.demo.processor import control
from coverpay.demo.processor.server import serve
from coverpay.demo.processor.store import Store

if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m coverpay.demo.processor", description=__doc__)
    parser.add_argument("--state", type=Path, required=True, help="the SQLite file of its books")
    parser.add_argument("--port", type=int, default=0, help="of its API; 0 finds a free one")
    parser.add_argument("--control-port", type=int, default=0, help="of its control; 0 finds a free one")
    parser.add_argument("--with-starter", action="store_true", help="end when whoever started it is gone")
    chosen = parser.parse_args()
    if chosen.with_starter:
        control.end_with_starter()
    serve(Store(chosen.state), chosen.port, chosen.control_port)
