"""Where in its protocol a peer's process dies: killed from within, by SIGKILL, at a stated step.

Installed in the child that is going to be a peer, around calls that the product makes anyway, so
the product has no hooks.  What was sent before is given a moment to leave: the step is done then.
"""

from __future__ import annotations

import os
import signal
import time
from enum import StrEnum
from pathlib import Path
from typing import Any

from tallyp2p.learning.baseline import WithBaseline
from tallyp2p.messages import Kind
from tallyp2p.runtime.transport import Transport
from tallyp2p.storage.disk import Disk
from tallyp2p.wire.vote import FLAG_AUTHOR

__all__ = ["Phase", "die_at", "slow_down"]

_LOOK = 0.02  # seconds between two looks
_LEAVE = 0.02  # seconds for libzmq's thread to hand over what was sent


class Phase(StrEnum):
    """The last thing that the process does."""

    HELLO = "hello"  # sends its first HELLO
    DIGEST = "digest"  # sends DIGEST
    WANT = "want"  # asks for a ballot
    HALF = "half"  # has handed its ballot to half of the others
    VOTED = "voted"  # the ballot is made; nobody has it
    COUNTED = "counted"  # the tally is made; nothing was learnt from it
    WRITTEN = "written"  # its state is written beside the former one
    RENAMED = "renamed"  # ... and in its place, of which the directory does not know for good


_SAYS = {
    Phase.HELLO: Kind.HELLO,
    Phase.DIGEST: Kind.DIGEST,
    Phase.WANT: Kind.WANT,
    Phase.HALF: Kind.VOTE,
}


def die_at(phase: Phase, ballots: int, others: int) -> None:
    """Let this process die in `phase`, once its learner has trained through `ballots` ballots.

    `others`: how many other peers there are, for what half of them is.
    """
    learn, vote, send = WithBaseline.learn, WithBaseline.vote, Transport.send
    rename = Disk.rename
    trained = said = 0
    most = max(1, others // 2) if phase is Phase.HALF else 1

    def learning(self: WithBaseline, *args: Any) -> Any:
        nonlocal trained
        if phase is Phase.COUNTED and trained >= ballots:
            _die()
        figures = learn(self, *args)
        trained += 1
        return figures

    def voting(self: WithBaseline, *args: Any) -> Any:
        made = vote(self, *args)
        if phase is Phase.VOTED and trained >= ballots:
            _die()
        return made

    def sending(self: Transport, endpoint: str, frame: bytes, **more: Any) -> bool:
        nonlocal said
        sent = send(self, endpoint, frame, **more)
        # Its own ballot, where it is one: others' that it passes on name their author.
        if trained >= ballots and frame[0] == _SAYS.get(phase) and not frame[1] & FLAG_AUTHOR:
            said += 1
            if said == most:
                time.sleep(_LEAVE)
                _die()
        return sent

    def renaming(self: Disk, path: Path, to: Path) -> None:
        if phase is Phase.WRITTEN and trained >= ballots:
            _die()
        rename(self, path, to)
        if phase is Phase.RENAMED and trained >= ballots:
            _die()

    _replace(Disk, rename=renaming)
    _replace(WithBaseline, learn=learning, vote=voting)
    _replace(Transport, send=sending)


def slow_down(seconds: float, hold: Path) -> None:
    """Let each ballot take the learner so much longer, and as long as there is a file `hold`."""
    learn = WithBaseline.learn

    def learning(self: WithBaseline, *args: Any) -> Any:
        time.sleep(seconds)
        while hold.exists():
            time.sleep(_LOOK)
        return learn(self, *args)

    _replace(WithBaseline, learn=learning)


def _replace(owner: type, **methods: Any) -> None:
    for name, method in methods.items():
        setattr(owner, name, method)


def _die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)
