"""One line in, one line out, whatever the program is.  What it may do wrong: test_trial."""

from __future__ import annotations

import sys

import pytest

from tallyp2p.errors import SettingsError
from tallyp2p.runtime.child import Child, ChildError

ECHO = "import sys\nfor line in sys.stdin: print(line, end='', flush=True)"


def child(code: str) -> Child:
    return Child([sys.executable, "-c", code])


def test_lines_longer_than_a_pipe_holds() -> None:
    echo = child(ECHO)
    for size in (0, 10, 1 << 20):
        assert echo.ask(b"x" * size, 10.0) == b"x" * size
    assert echo.close() == ""


def test_a_program_that_does_not_read() -> None:
    deaf = child("import time; time.sleep(60)")
    with pytest.raises(ChildError, match="did not answer within"):
        deaf.ask(b"x" * (1 << 20), 0.3)
    deaf.kill()


def test_a_program_that_has_ended_before_it_is_asked() -> None:
    gone = child("pass")
    with pytest.raises(ChildError, match="exit code 0"):
        for _ in range(2):  # a pipe may take a line that nobody will read
            gone.ask(b"x" * (1 << 20), 10.0)
    gone.kill()


def test_it_must_end_with_its_input() -> None:
    stays = child("import time; time.sleep(60)")
    assert "did not end" in stays.close(0.3)
    talks = child("print('hello')")
    assert talks.close() == "it printed more than its answers"


def test_a_program_that_cannot_be_started() -> None:
    with pytest.raises(SettingsError, match="cannot be started"):
        Child(["/no/such/program"])


def test_a_program_that_prints_without_end_has_no_longer_than_others() -> None:
    code = "import sys, time\nwhile True: sys.stdout.write('x'); sys.stdout.flush()"
    flood = child(code)
    with pytest.raises(ChildError, match="did not answer within 0.3 s"):
        flood.ask(b"x", 0.3)
    flood.kill()
