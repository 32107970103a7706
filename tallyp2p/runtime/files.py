"""How many files a peer may open: every line to another peer takes five.

At the limit libzmq does not fail but spins, so it is seen to before the first line is opened.
"""

from __future__ import annotations

from ..errors import FailureError

__all__ = ["allow_files", "files_for"]

_ALONE = 64  # interpreter, libraries, logs, run directory, one ZeroMQ context
_A_LINE = 5  # outbound: socket, connection, watch (2); inbound: connection


def files_for(lines: int) -> int:
    """Open files of a process that talks to `lines` others.  (Counted, see its test.)"""
    return _ALONE + _A_LINE * lines


def allow_files(lines: int) -> None:
    """See that this process may open enough files to talk to `lines` others.

    Its soft limit is raised as far as is needed, which anybody may do up to the hard one;
    nothing is done where the system has no limits.  Raises :class:`FailureError`.
    """
    try:
        import resource
    except ImportError:  # not a POSIX system
        return
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = files_for(lines)
    if soft == resource.RLIM_INFINITY or needed <= soft:
        return
    if hard != resource.RLIM_INFINITY and needed > hard:
        raise FailureError(
            f"talking to {lines} peers needs about {needed} open files, but this process may open "
            f"at most {hard} (ulimit -Hn; LimitNOFILE= under systemd): raise that limit, or let "
            "each peer know only some of the others, with --set run.view=8"
        )
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (needed, hard))
    except (OSError, ValueError) as error:  # a system with a lower limit of its own
        raise FailureError(
            f"talking to {lines} peers needs about {needed} open files, and the limit of {soft} "
            f"cannot be raised ({error}): raise it by `ulimit -n {needed}`"
        ) from None
