"""Compile the modules in which a simulation spends its time, in a copy of the package.

    python -m scripts.compile build/compiled

The copy is the package as it is, with a module of machine code beside each source named below
(mypyc; the same types that mypy checks).  Whoever has it in front on the path runs it:

    PYTHONPATH=build/compiled tallyp2p simulate --mix --seed 16
    PYTHONSAFEPATH=1 PYTHONPATH=build/compiled:. python -m simulations.hunt --jobs 2

(The second says, too, that the package in the working directory shall not come first.)

The sources stay the only truth: they are not touched, and the same worlds end with the same
trace hash (tests/simulator/test_compiled.py).  A copy that was made from other sources is made
again.  Takes some three minutes, a C compiler, and `pip install '.[fast]'`.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

PACKAGE = Path(__file__).resolve().parent.parent / "tallyp2p"

# By profile: rooms and modules that take part in every event.  Little is gained where numpy or
# cryptography does the work, and nothing where torch does.
HOT = (
    "messages.py",
    "payloads.py",
    "consensus/digraph.py",
    "consensus/ledger.py",
    "gossip/*.py",
    "simulator/clock.py",
    "simulator/host.py",
    "simulator/invariants.py",
    "simulator/links.py",
    "simulator/post.py",
    "simulator/sightings.py",
    "wire/accounting.py",
    "wire/codec.py",
    "wire/hello.py",
    "wire/vote.py",
)
STAMP = "made-from"  # a file of the copy: what it was made from


class CannotCompile(Exception):
    """What is missing, in a sentence."""


def stamp() -> str:
    """SHA-256 of all sources, of this script and of the interpreter's name."""
    summed = hashlib.sha256(sysconfig.get_config_var("EXT_SUFFIX").encode())
    for path in [Path(__file__), *sorted(PACKAGE.rglob("*.py"))]:
        summed.update(path.name.encode() + path.read_bytes())
    return summed.hexdigest()


def compiled(target: Path) -> Path:
    """`target`, with the compiled package in it, made if it is not there.

    Raises :class:`CannotCompile`.
    """
    made_from = target / STAMP
    if made_from.is_file() and made_from.read_text(encoding="ascii") == stamp():
        return target
    if target.exists():
        if not target.is_dir():
            raise CannotCompile(f"{target} is a file: name a directory that is free")
        if any(target.iterdir()) and not made_from.is_file():
            raise CannotCompile(f"{target} holds something else: name a directory that is free")
        shutil.rmtree(target)
    compiler = (sysconfig.get_config_var("CC") or "cc").split()[0]
    if shutil.which(compiler) is None:
        raise CannotCompile(f"no C compiler ({compiler}) is installed")
    target.mkdir(parents=True)
    made_from.write_text("unfinished", encoding="ascii")
    shutil.copytree(PACKAGE, target / PACKAGE.name, ignore=shutil.ignore_patterns("__pycache__"))
    _build(target)
    made_from.write_text(stamp(), encoding="ascii")
    return target


def _build(target: Path) -> None:
    """Compile in `target`, in a process of its own: setuptools wants to stand there."""
    words = [sys.executable, str(Path(__file__).resolve()), "--here"]
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(words, cwd=target, env=environment, capture_output=True, text=True)
    shutil.rmtree(target / "build", ignore_errors=True)
    if done.returncode:
        last = "\n".join((done.stdout + done.stderr).splitlines()[-20:])
        raise CannotCompile(f"it did not compile:\n{last}")


def build_here() -> None:
    """Compile the package of the working directory, in place.  Ends the process if it fails."""
    try:
        from mypyc.build import mypycify
        from setuptools import setup
    except ImportError:
        sys.exit("mypyc is not installed: pip install '.[fast]'")
    package = Path(PACKAGE.name)
    paths = sorted(str(path) for pattern in HOT for path in package.glob(pattern))
    options = ["--ignore-missing-imports", "--explicit-package-bases"]
    modules = mypycify([*options, *paths], opt_level="2", debug_level="0", group_name=PACKAGE.name)
    setup(name=PACKAGE.name, ext_modules=modules, script_args=["build_ext", "--inplace"])


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("target", nargs="?", type=Path, help="where the copy shall be")
    parser.add_argument("--here", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.here:
        build_here()
        return 0
    if options.target is None:
        parser.error("say where the copy shall be, build/compiled for example")
    print("compiling, some three minutes ...", file=sys.stderr, flush=True)
    try:
        target = compiled(options.target)
    except CannotCompile as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("interrupted; the same command begins again", file=sys.stderr)
        return 130
    print(f"compiled; use it with PYTHONSAFEPATH=1 PYTHONPATH={target}:.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
