"""Hosts on one link: network namespaces at a bridge, with multicast, IPv4, IPv6 and a resolver.

A host is a process that waits for its standard input to end and lives in namespaces of its own,
so nothing has a name, nothing is left behind however a test ends, and suites that run at the
same time do not meet.  Root, `unshare`, `nsenter` and `ip` are needed.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Host", "link", "unavailable"]

ROOT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True, slots=True)
class Host:
    """One host; its only way out is `eth0`."""

    id: int  # of the process that keeps it alive
    four: str  # its address of IPv4, without the prefix
    six: str  # and of IPv6

    def enter(self, *words: str, cwd: Path = ROOT) -> list[str]:
        """The command that runs `words` there, in the directory `cwd`."""
        return ["nsenter", "-t", str(self.id), "-n", "-m", "--", "env", "-C", str(cwd), *words]

    def run(self, *words: str) -> None:
        """Run a command there that must succeed."""
        done = subprocess.run(self.enter(*words), capture_output=True, text=True, timeout=30)
        assert done.returncode == 0, (words, done.stderr)

    def reads(self, etc: str, file: Path) -> None:
        """Let it read `file` in place of /etc/`etc`, hosts or resolv.conf for instance."""
        self.run("mount", "--bind", str(file), f"/etc/{etc}")


def unavailable() -> str:
    """Why there can be no such hosts here; empty when there can."""
    missing = [name for name in ("unshare", "nsenter", "ip") if shutil.which(name) is None]
    if missing:
        return f"hosts on a link need {' and '.join(missing)}"
    if os.geteuid() != 0:
        return "hosts on a link need root"
    try:
        with link(1):
            return ""
    except (AssertionError, OSError):
        return "this system gives no network namespaces with a bridge"


@contextmanager
def link(
    count: int, *, net: str = "192.168.1", four: bool = True, six: bool = True
) -> Iterator[list[Host]]:
    """`count` hosts that hear one another, from number 5 on in the IPv4 network `net` and in
    fd00:78::/64; `four`, `six`: whether they have such addresses."""
    with ExitStack() as stack:
        switch = Host(stack.enter_context(_namespaces()), "", "")
        switch.run("ip", "link", "add", "br0", "type", "bridge")
        switch.run("ip", "link", "set", "br0", "up")
        hosts: list[Host] = []
        for number in range(5, 5 + count):
            host = Host(stack.enter_context(_namespaces()), f"{net}.{number}", f"fd00:78::{number}")
            port = f"v{number}"
            end = ("peer", "name", "eth0", "netns", str(host.id))
            switch.run("ip", "link", "add", port, "type", "veth", *end)
            switch.run("ip", "link", "set", port, "master", "br0", "up")
            # A host that runs for longer than a second has tried its addresses already.
            host.run("sysctl", "-q", "-w", "net.ipv6.conf.eth0.accept_dad=0")
            if not six:
                host.run("sysctl", "-q", "-w", "net.ipv6.conf.all.disable_ipv6=1")
            for device in ("lo", "eth0"):
                host.run("ip", "link", "set", device, "up")
            if four:
                host.run("ip", "addr", "add", f"{host.four}/24", "dev", "eth0")
            if six:
                host.run("ip", "addr", "add", f"{host.six}/64", "dev", "eth0", "nodad")
            hosts.append(host)
        yield hosts


@contextmanager
def _namespaces() -> Iterator[int]:
    """A process in namespaces of its own, for the network and for mounts; its number."""
    with subprocess.Popen(
        ["unshare", "--net", "--mount", "cat"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdin is not None and process.stdout is not None
        try:
            process.stdin.write("there\n")
            process.stdin.flush()
            assert process.stdout.readline() == "there\n", process.stderr
            yield process.pid
        finally:
            process.kill()
