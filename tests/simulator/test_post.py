"""The post brings what was sent, and writes down all of it."""

from __future__ import annotations

from random import Random

from tallyp2p.messages import Message, Ping
from tallyp2p.simulator.clock import Clock
from tallyp2p.simulator.links import Network
from tallyp2p.simulator.post import Post
from tallyp2p.simulator.spec import Link, WorldSpec


class Box:
    """A listener that keeps what comes."""

    def __init__(self, index: int) -> None:
        self.index = self.life = index
        self.got: list[tuple[bytes, bytes, Message | None]] = []

    def arrive(self, link: bytes, frame: bytes, message: Message | None) -> None:
        self.got.append((link, frame, message))

    def lose(self, endpoint: str) -> None:
        raise AssertionError("nothing breaks here")


def played(frames: list[bytes], to: str = "there") -> tuple[Post, Box]:
    clock = Clock()
    post = Post(clock, Network(WorldSpec(links=Link(delay=0.5)), Random(0)))
    sender, box = Box(0), Box(1)
    post.at["there"] = box
    line = post.line()
    for frame in frames:
        post.send(sender, to, line, frame, Ping(1, 2))
    while clock.next() is not None:
        clock.step()
    return post, box


def test_what_is_sent_arrives_later_with_its_link() -> None:
    post, box = played([b"one", b"two"])
    assert [frame for _, frame, _ in box.got] == [b"one", b"two"]
    assert {link for link, _, _ in box.got} == {b"\x01" + bytes(7) + b"\x01"}
    assert box.got[0][2] == Ping(1, 2)
    assert (post.messages, post.weight, post.astray) == (2, 6, 0)


def test_what_goes_where_nobody_listens_is_written_down_all_the_same() -> None:
    post, box = played([b"one"], to="nowhere")
    assert post.astray == 1 and not box.got
    assert post.trace_hash() != played([])[0].trace_hash()


def test_the_trace_covers_every_byte_in_order() -> None:
    hashes = {
        played(frames)[0].trace_hash()
        for frames in ([b"ab", b"c"], [b"a", b"bc"], [b"c", b"ab"], [b"abc"], [b"ab", b"d"])
    }
    assert len(hashes) == 5
    assert played([b"ab", b"c"])[0].trace_hash() in hashes
    big = [bytes(40_000)] * 4  # past the size at which the trace is hashed in parts
    assert played(big)[0].trace_hash() == played(big)[0].trace_hash()
