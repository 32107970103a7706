"""Starts real peers: a process that has imported all that they need, and is forked for each.

`tallyp2p peer` imports torch, which takes seconds and hundreds of megabytes.  So that sixteen of
them fit a small host they are forked from this one, as the peers of `tallyp2p swarm` are from its
fork server; then each enters its namespace and runs the command, from its arguments to its exit
code.  Run as a program it reads orders from standard input, one JSON object a line, and answers
each with a line.  It dies with its standard input, and its children die with it.
"""

from __future__ import annotations

import ctypes
import json
import os
import resource
import signal
import sys
import traceback
from pathlib import Path
from typing import Any

from tests.faults import air, phases

__all__ = ["main"]

_SET_PDEATHSIG = 1


def main() -> None:
    """Obey orders until there are no more."""
    import tallyp2p.cli.peer
    import tallyp2p.cli.preload  # noqa: F401

    codes: dict[int, int] = {}  # of those that ended
    running: set[int] = set()
    print("{}", flush=True)
    for line in sys.stdin:
        order: dict[str, Any] = json.loads(line)
        child = 0
        if order:
            child = _start(order)
            running.add(child)
        for one in list(running):
            gone, status = os.waitpid(one, os.WNOHANG)
            if gone:
                running.discard(one)
                codes[one] = os.waitstatus_to_exitcode(status)
        print(json.dumps({"child": child, "codes": codes}), flush=True)


def _start(order: dict[str, Any]) -> int:
    parent = os.getpid()
    child = os.fork()
    if child:
        return child
    code = 1
    try:
        ctypes.CDLL(None).prctl(_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:
            os._exit(1)
        _become(order)
        if environment := order.get("environment"):  # a library must be loaded before Python
            words = [sys.executable, "-m", "tallyp2p.cli", *order["arguments"]]
            os.execve(sys.executable, words, {**os.environ, **environment})
        from tallyp2p.cli.main import main as command

        command(order["arguments"])
    except SystemExit as error:
        code = error.code if isinstance(error.code, int) else 1
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _become(order: dict[str, Any]) -> None:
    """Set up what is around the command: its namespace, files, limits and its end."""
    log = os.open(order["log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    null = os.open(os.devnull, os.O_RDONLY)
    for file, at in ((null, 0), (log, 1), (log, 2)):
        os.dup2(file, at)
    for group in order.get("groups", ()):
        with open(f"{group}/cgroup.procs", "w") as tasks:
            tasks.write(str(os.getpid()))
    air.enter(order["namespace"])
    for at, instead in order.get("mounts", {}).items():
        air.mount(instead, at)
    if files := order.get("files"):
        resource.setrlimit(resource.RLIMIT_NOFILE, (files, files))
    if pause := order.get("pause"):
        phases.slow_down(pause, Path(order["hold"]))
    if phase := order.get("phase"):
        phases.die_at(phases.Phase(phase), order["ballots"], order["others"])


if __name__ == "__main__":
    main()
