"""What a case finds, in the words of protocol_spec 09, 9.5."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

__all__ = ["Broken", "Finding", "NotJudged", "Verdict"]


class Verdict(StrEnum):
    """From best to worst."""

    OK = "OK"  # as the text says
    INFORMATIONAL = "informational"  # the text leaves it open; what was seen is told
    UNIMPLEMENTED = "unimplemented"  # a part that the class of the peer may leave out
    NON_STRICT = "non-strict"  # a SHOULD was not followed
    FAILED = "failed"  # a MUST was broken
    NOT_JUDGED = "not judged"  # the case is not for this run, or could not be played


_SEVERITY = list(Verdict)


class Broken(Exception):
    """A MUST was broken, and the case cannot go on."""


class NotJudged(Exception):
    """The case cannot be played here; the text says why."""


@dataclass(slots=True)
class Finding:
    """Verdict and reasons; `add` keeps the worst verdict and every reason."""

    verdict: Verdict = Verdict.OK
    reasons: list[str] = field(default_factory=list)

    def add(self, verdict: Verdict, reason: str) -> None:
        """One more observation."""
        self.verdict = max(self.verdict, verdict, key=_SEVERITY.index)
        self.reasons.append(reason)
