"""Coverage-guided fuzzing of the decoder and of the machine (needs `pip install '.[fuzz]'`).

    python -m tests.fuzz decoder --seconds 300
    python -m tests.fuzz machine --seconds 300 --keep

Starts from the seeds and from the kept corpus, `corpus/TARGET.hex`, one input a line, which the
tests play as well; `--keep` puts there what was found and covers more than what is there.  It
stops at the first input that breaks the invariant of `targets`, or takes 5 s, and prints it: add
it to the corpus together with the repair.  Only Python code is seen, so the msgpack in C is
fed but does not guide.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from importlib.util import find_spec
from pathlib import Path
from types import FrameType
from typing import Any

from tests.fuzz.targets import TARGETS, seeds

__all__ = ["CORPUS", "adding", "corpus", "main"]

CORPUS = Path(__file__).parent / "corpus"
ROOT = Path(__file__).resolve().parents[2]
_LONGEST = {"decoder": 600, "machine": 2500}  # bytes of an input
_MEMORY = 256  # MiB


def corpus(target: str) -> list[bytes]:
    """The kept inputs of a target."""
    path = CORPUS / f"{target}.hex"
    return [bytes.fromhex(line) for line in path.read_text("ascii").splitlines()]


def _guided(target: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "tests.fuzz.guided", target, *arguments]
    return subprocess.run(command, cwd=ROOT, stderr=subprocess.PIPE, text=True)


def _filled(folder: Path, inputs: list[bytes]) -> str:
    folder.mkdir()
    for at, data in enumerate(inputs):
        (folder / f"{at:05}").write_bytes(data)
    return str(folder)


def adding(target: str, inputs: list[bytes]) -> list[bytes]:
    """Those of `inputs`, in this order, that go from a line to another as none before them, seeds
    included, has gone.  (libFuzzer's own merging starts itself again, which a script cannot.)"""
    steps: set[tuple[int, int, int]] = set()
    taken: set[tuple[int, int, int]] = set()

    def trace(frame: FrameType, event: str, argument: Any) -> Any:
        if "tallyp2p" not in frame.f_code.co_filename:
            return None
        last = frame.f_lineno

        def line(frame: FrameType, event: str, argument: Any) -> Any:
            nonlocal last
            taken.add((id(frame.f_code), last, frame.f_lineno))
            last = frame.f_lineno
            return line

        return line

    kept = []
    for data in (*seeds(target), *inputs):
        taken.clear()
        sys.settrace(trace)
        try:
            TARGETS[target](data)
        finally:
            sys.settrace(None)
        if not taken <= steps:
            steps |= taken
            kept.append(data)
    return [data for data in kept if data not in set(seeds(target))]


def main(arguments: list[str] | None = None) -> int:
    """Fuzz one target; exit code 1 when it broke."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.fuzz", description=(__doc__ or "").split("\n\n")[0]
    )
    parser.add_argument("target", choices=list(TARGETS))
    parser.add_argument("--seconds", type=int, default=300)
    parser.add_argument("--keep", action="store_true", help="write what covers more to the corpus")
    chosen = parser.parse_args(arguments)
    if find_spec("atheris") is None:
        parser.error("atheris is not installed: pip install '.[fuzz]'")
    target = chosen.target
    with tempfile.TemporaryDirectory(prefix="tallyp2p-fuzz-") as place:
        folder = Path(place)
        known = _filled(folder / "known", seeds(target) + corpus(target))
        found = _filled(folder / "found", [])
        done = _guided(
            target,
            found,
            known,
            f"-max_total_time={chosen.seconds}",
            f"-max_len={_LONGEST[target]}",
            f"-rss_limit_mb={_MEMORY}",
            f"-artifact_prefix={place}/",
            "-timeout=5",
            "-print_final_stats=1",
        )
        for line in done.stderr.splitlines():
            if line.startswith(("stat::", "#")) and "DE:" not in line and "##" not in line:
                last = line
                if line.startswith("stat::"):
                    print(line)
        print(last)
        if done.returncode:
            print(done.stderr[-4000:])
            for crash in folder.glob("*-*"):
                print(f"{crash.name}: {crash.read_bytes().hex()}")
            return 1
        if chosen.keep:
            inputs = {path.read_bytes() for path in Path(found).iterdir()} | set(corpus(target))
            kept = adding(target, sorted(inputs, key=lambda data: (len(data), data)))
            lines = "".join(f"{data.hex()}\n" for data in kept)
            (CORPUS / f"{target}.hex").write_text(lines, "ascii")
            print(f"{len(kept)} inputs are kept")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
