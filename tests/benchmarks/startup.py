"""From the command to 24 training peers, and the memory of each after 300 rounds.

Runs `tallyp2p swarm` as a person would and watches its run directory.  A peer is ready when it
listens and has its learner, and has trained when its first ballot's rounds are done.  Private
memory is what only that process holds (Linux: smaps_rollup), at its highest: over the whole
run, and while all peers live, for pages that only peers share count as the last one's own.
The idle peer is timed by tests.benchmarks.overhead.

    python -m tests.benchmarks.startup
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from datetime import datetime
from pathlib import Path
from typing import Any

from .record import parser, report


def lines(path: Path) -> list[dict[str, Any]]:
    """The whole lines of a metrics file so far; none when it is not there yet."""
    try:
        text = path.read_text()
    except FileNotFoundError:
        return []
    return [json.loads(line) for line in text.splitlines(keepends=True) if line.endswith("\n")]


def private(pid: int) -> float:
    """Private memory of a process in MB; 0 when it is gone."""
    try:
        rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
    except OSError:
        return 0.0
    sizes = [line.split()[1] for line in rollup.splitlines() if line.startswith("Private_")]
    return sum(map(int, sizes)) * 1024 / 1e6


def main() -> None:
    options = parser((__doc__ or "").splitlines()[0])
    options.add_argument("--peers", type=int, default=24)
    options.add_argument("--rounds", type=int, default=300)
    chosen = options.parse_args()
    memory: dict[int, float] = {}
    together: dict[int, float] = {}  # the same while all live
    with tempfile.TemporaryDirectory() as name:
        run_dir = Path(name) / "run"
        command = [sys.executable, "-m", "tallyp2p.cli", "swarm", "--json", "--out", str(run_dir)]
        command += ["--peers", str(chosen.peers), "--rounds", str(chosen.rounds)]
        began, ended = time.time(), 0.0
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as swarm:
            while swarm.poll() is None:
                if len(memory) < chosen.peers:
                    for path in sorted(run_dir.glob("peer-*/metrics.jsonl")):
                        for line in lines(path)[:1]:
                            memory.setdefault(line["pid"], 0.0)
                held = {pid: private(pid) for pid in memory}
                memory = {pid: max(held[pid], most) for pid, most in memory.items()}
                if len(held) == chosen.peers and all(held.values()):
                    together = {pid: max(held[pid], together.get(pid, 0.0)) for pid in held}
                time.sleep(0.5)
            ended = time.time()
            assert swarm.stdout is not None
            summary = json.loads(swarm.stdout.read())
        # The peers' own times: this process is late when all cores are busy.
        ready: list[float] = []
        trained: list[float] = []
        for path in run_dir.glob("peer-*/metrics.jsonl"):
            started, *others = lines(path)
            ready.append(datetime.fromisoformat(started["time"]).timestamp() - began)
            rounds = [line["seconds"] for line in others if line["event"] == "round"]
            trained += [ready[-1] + seconds for seconds in rounds[:1]]
        if swarm.returncode or len(trained) < chosen.peers:
            raise SystemExit(f"exit code {swarm.returncode}; {len(trained)} peers trained")
    rows = [
        ("all peers ready", max(ready), "s", "12"),
        ("all peers trained once", max(trained), "s", ""),
        ("the whole command", ended - began, "s", ""),
        ("private memory of a peer, most", max(memory.values()), "MB", "40"),
        ("... while all live", max(together.values()), "MB", "40"),
        ("... while all live, on average", sum(together.values()) / len(together), "MB", ""),
        ("rounds made", summary["rounds"], "", ""),
    ]
    report("startup", rows, chosen.out, peers=chosen.peers, memory=sorted(memory.values()))


if __name__ == "__main__":
    main()
