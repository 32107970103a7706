"""What holds for all tests."""

from __future__ import annotations

import signal

from hypothesis import settings

settings.register_profile("no clock", deadline=None)  # a busy host is no finding
settings.load_profile("no clock")

# A shell starts what it puts in the background deaf to Ctrl-C, and so would be every process
# that a test starts and then interrupts.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
