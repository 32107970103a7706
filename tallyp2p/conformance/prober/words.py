"""Messages in words, for people who read a report."""

from __future__ import annotations

from ...errors import Reason
from ...messages import (
    Ballot,
    Bye,
    Digest,
    Error,
    Have,
    Hello,
    Kind,
    Message,
    Peers,
    Ping,
    Pong,
    Want,
)
from ...payloads import author_of

__all__ = ["kind_name", "reason_name", "words"]

_MOST = 4  # entries of a list that are written out


def words(message: Message) -> str:
    """`message` in one line."""
    match message:
        case Hello():
            named: dict[str, object] = {"known": message.known, "round": message.round}
            named |= {"start": message.start, "held": message.held, "agent": message.agent or None}
            parts = [f"{name} {value}" for name, value in named.items() if value is not None]
            parts += [key for key, _ in message.extra]
            who = author_of(message.identity).hex()
            met = "met" if message.met else "not met"
            return f"HELLO of {who} at {message.endpoint}, {met}, {', '.join(parts)}"
        case Bye(last, code, text):
            return f"BYE code {code}, last round {_round(last)}{_quoted(text)}"
        case Error(code, text):
            return f"ERROR {reason_name(code)}{_quoted(text)}"
        case Ping(nonce, roster):
            return f"PING nonce {nonce:08x}, roster {roster:08x}"
        case Pong(nonce, roster, round):
            return f"PONG nonce {nonce:08x}, roster {roster:08x}, round {_round(round)}"
        case Peers(endpoints):
            return f"PEERS {_some(list(endpoints))}"
        case Ballot(author, round, votes, ids):
            on = "" if ids is None else f" on {len(ids)} ids"
            return f"VOTE of {author.hex()}, round {round}{on}, {len(votes)} bytes of votes"
        case Digest(entries):
            ranges = [f"{e.count} from {e.round}: {e.hash.hex()[:8]}…" for e in entries]
            return f"DIGEST {_some(ranges)}"
        case Have(round, entries):
            held = [f"{author.hex()}: {tag.hex()[:8]}…" for author, tag in entries]
            return f"HAVE round {round}: {_some(held)}"
        case Want(entries):
            return f"WANT {_some([f'{author.hex()} round {round}' for author, round in entries])}"
        case _:
            return f"{message!r}"


def kind_name(frame: bytes) -> str:
    """What a frame says that it is."""
    if not frame:
        return "nothing"
    return next((kind.name for kind in Kind if kind == frame[0]), f"kind {frame[0]:02x}")


def reason_name(code: int) -> str:
    """The name of a reason; its number when it has none."""
    return next((reason.name for reason in Reason if reason == code), f"code {code}")


def _round(round: int | None) -> str:
    return "none" if round is None else str(round)


def _quoted(text: str) -> str:
    lines = text.splitlines()
    return f": {lines[0]}{' …' if len(lines) > 1 else ''}" if lines else ""


def _some(items: list[str]) -> str:
    more = f" and {len(items) - _MOST} more" if len(items) > _MOST else ""
    return ", ".join(items[:_MOST]) + more if items else "of nothing"
