"""Where the organs of a machine put what is to be done, in order."""

from __future__ import annotations

from collections.abc import Iterable

from ..messages import Message
from .events import Effect, Notice, Refused, Send, Tell

__all__ = ["Outbox"]


class Outbox:
    """Effects of the event in hand."""

    def __init__(self) -> None:
        self.effects: list[Effect] = []
        self.refused: dict[int, int] = {}  # how often, by reason
        self._refused_at: dict[int, float] = {}

    def put(self, *effects: Effect) -> None:
        """Ask the shell for something."""
        self.effects.extend(effects)

    def send(self, endpoint: str, message: Message) -> None:
        """Ask the shell to send a message."""
        self.effects.append(Send(endpoint, message))

    def send_all(self, endpoints: Iterable[str], message: Message) -> None:
        """The same message to each of them; it is made once, and encoded once."""
        self.effects += [Send(endpoint, message) for endpoint in endpoints]

    def tell(self, notice: Notice) -> None:
        """Tell observers."""
        self.effects.append(Tell(notice))

    def count(self, reason: int) -> None:
        """Count a refusal that is no news, such as a kind of message from a later revision."""
        self.refused[reason] = self.refused.get(reason, 0) + 1

    def refuse(self, notice: Refused, now: float) -> None:
        """Count a refusal; tell observers of one a second and reason, however many come."""
        self.count(notice.reason)
        if now >= self._refused_at.get(notice.reason, now):
            self._refused_at[notice.reason] = now + 1.0
            self.tell(notice)

    def take(self) -> list[Effect]:
        """Everything put since the last call."""
        effects, self.effects = self.effects, []
        return effects
