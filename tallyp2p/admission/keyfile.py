"""An identity on disk: its secret key, for its owner's eyes only.

    tally/1 key
    public A6EHv_POEL4dcN0Y50vAmWfk1jCbpQ1fHdyGZBJVMbg
    secret AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8

Both are 32 bytes as base64url.  The public key is there for people, and to tell a damaged
file: it must be the secret's.  A file is written once and never again.
"""

from __future__ import annotations

import base64
import errno
import os
import re
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from ..errors import FailureError, SettingsError
from ..wire.keys import IDENTITY_TEXT, identity_text
from ..wire.seal import identity_of

__all__ = ["held_key", "make_key", "read_key", "rewrite_private", "write_private"]

_FORM = re.compile(
    rf"tally/1 key\npublic (?P<public>{IDENTITY_TEXT})\nsecret (?P<secret>{IDENTITY_TEXT})\n", re.A
)
_MOST = 4096  # bytes that are read of a file that may be anything
_OTHERS = stat.S_IRWXG | stat.S_IRWXO

Entropy = Callable[[int], bytes]


def make_key(path: Path, entropy: Entropy = os.urandom) -> bytes:
    """Write a new secret key to the new file `path`, mode 0600; its identity, 32 bytes.

    Raises :class:`SettingsError` when there is something at `path`, and
    :class:`FailureError` when it cannot be written.
    """
    secret = entropy(32)
    write_private(path, key_text(secret))
    return identity_of(secret)


def key_text(secret: bytes) -> str:
    """What the file of a secret key holds."""
    return f"tally/1 key\npublic {identity_text(identity_of(secret))}\nsecret {_text(secret)}\n"


def read_key(path: Path) -> bytes:
    """The secret key, 32 bytes, of a file.

    Raises :class:`SettingsError` when anybody but its owner may read the file, when it is
    damaged, or when it is no key; :class:`FailureError` when it cannot be read.
    """
    with _opened(path) as file:
        return _secret(path, file)


@contextmanager
def held_key(path: Path) -> Iterator[bytes]:
    """The secret key of a file that nobody else uses meanwhile; as :func:`read_key` raises.

    Two processes of one identity would cast two ballots for a round, and thereby none: so
    the second on this host gets a :class:`FailureError`.  The lock goes with the process.
    """
    import fcntl  # not on Windows, where peers without a key can run

    with _opened(path) as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            if error.errno in (errno.EAGAIN, errno.EACCES):
                raise FailureError(
                    f"the key {path} is in use by another process: a key is one peer; stop that "
                    "one, or make another key with `tallyp2p keygen`"
                ) from None
            raise FailureError(
                f"cannot lock the key {path}: {error.strerror}; keep it on a local disk"
            ) from None
        yield _secret(path, file)


def write_private(path: Path, text: str) -> None:
    """Put `text` into the new file `path`, mode 0600, and have it on the disk (UTF-8).

    Raises :class:`SettingsError` when there is something at `path` already, and
    :class:`FailureError` when it cannot be written, leaving nothing.
    """
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0)
    try:
        file = os.open(path, flags, 0o600)
    except FileExistsError:
        raise SettingsError(f"{path} exists, and is never overwritten: name another file") from None
    except OSError as error:
        raise FailureError(f"cannot write {path}: {error.strerror}; name another file") from None
    try:
        with open(file, "w", encoding="utf-8", newline="") as opened:
            os.fchmod(file, 0o600)  # whatever the umask took away
            opened.write(text)
            opened.flush()
            os.fsync(file)
    except OSError as error:
        with suppress(OSError):
            path.unlink()
        raise FailureError(
            f"cannot write {path}: {error.strerror}; free some space or name another file"
        ) from None


def rewrite_private(path: Path, text: str) -> None:
    """Put `text` at `path`, mode 0600, whole or not at all, and on the disk (UTF-8).

    What was there is replaced.  Raises :class:`FailureError`, leaving that as it was.
    """
    beside = path.with_name(path.name + ".part")
    try:
        beside.unlink(missing_ok=True)  # of a crash, or anybody's: of any mode, leading anywhere
        file = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with open(file, "w", encoding="utf-8") as opened:
            opened.write(text)
            opened.flush()
            os.fsync(file)
        os.replace(beside, path)
    except OSError as error:
        with suppress(OSError):
            beside.unlink()
        raise FailureError(f"cannot write {path}: {error.strerror}; free some space") from None


@contextmanager
def _opened(path: Path) -> Iterator[int]:
    try:
        file = os.open(path, os.O_RDONLY | os.O_NONBLOCK)  # a pipe would have us wait for ever
    except FileNotFoundError:
        raise SettingsError(
            f"there is no key {path}: make one with `tallyp2p keygen {path}`"
        ) from None
    except OSError as error:
        raise FailureError(f"cannot read the key {path}: {error.strerror}") from None
    try:
        yield file
    finally:
        os.close(file)


def _secret(path: Path, file: int) -> bytes:
    """What is in the open file, of which `path` is only the name: the file cannot change."""
    mode = os.fstat(file).st_mode
    if not stat.S_ISREG(mode):
        raise SettingsError(f"{path} is not a file: name the one that `tallyp2p keygen` wrote")
    if mode & _OTHERS:
        raise SettingsError(
            f"the key {path} can be read by others (mode {stat.S_IMODE(mode):04o}): whoever read "
            f"it can vote in its place; make another key, or `chmod 600 {path}` if you are sure "
            "that nobody did"
        )
    try:
        found = _FORM.fullmatch(os.read(file, _MOST).decode("ascii", "replace"))
    except OSError as error:
        raise FailureError(f"cannot read the key {path}: {error.strerror}") from None
    if found is None:
        raise SettingsError(f"{path} is not a key of tallyp2p, or it is damaged: {_ANOTHER}")
    secret = base64.urlsafe_b64decode(found["secret"] + "=")
    if identity_text(identity_of(secret)) != found["public"]:
        raise SettingsError(f"the key {path} is damaged, its two parts do not match: {_ANOTHER}")
    return secret


_ANOTHER = "restore it, or make another with `tallyp2p keygen`"


def _text(secret: bytes) -> str:
    return base64.urlsafe_b64encode(secret).decode("ascii").rstrip("=")
