"""Opens connections from a namespace to an endpoint, says nothing on them, and keeps them."""

from __future__ import annotations

import socket
import sys

from tests.faults import air

__all__: list[str] = []


def main(namespace: str, endpoint: str, count: int) -> None:
    """Until standard input ends."""
    air.enter(namespace)
    host, _, port = endpoint.removeprefix("tcp://").rpartition(":")
    kept = [socket.create_connection((host, int(port)), timeout=5) for _ in range(count)]
    print(len(kept), flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
