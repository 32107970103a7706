"""The recipe for three machines, on hosts of their own, as it stands in the document.

Network namespaces stand in for the machines (see tests/link.py), with the firewall that the
recipe ships.  What the service and the compose file would start runs there as well.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import sysconfig
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
import yaml

from tests.link import ROOT, Host, link, unavailable

LAN = ROOT / "peers" / "lan"
MACHINES = ("workstation", "first laptop", "second laptop")
PATIENCE = 120.0  # s; the host that runs the tests may be a slow one


def recipe() -> list[tuple[int, str]]:
    """(number of the machine, block of commands) as they follow one another in the README."""
    text = (LAN / "README.md").read_text()
    found = []
    for block in re.finditer(r"^```sh\n(.*?)^```$", text, re.M | re.S):
        named = {text.rfind(machine, 0, block.start()): n for n, machine in enumerate(MACHINES)}
        found.append((named[max(named)], block[1]))
    return found


class Machine:
    """A host, a directory on it, and what runs there."""

    def __init__(self, host: Host, folder: Path) -> None:
        self.host, self.folder = host, folder
        folder.mkdir()
        self._log = folder / "log"
        self._shells: list[subprocess.Popen[bytes]] = []
        commands = folder / "bin"
        commands.mkdir()
        program = commands / "tallyp2p"
        program.write_text(f'#!/bin/sh\nexec {sys.executable} -u -m tallyp2p.cli "$@"\n')
        program.chmod(0o755)
        self.path = f"{commands}{os.pathsep}{os.environ['PATH']}"

    def start(self, *words: str, **environment: str) -> None:
        """Run a command in the directory, beside what runs already."""
        with self._log.open("ab") as log:
            shell = subprocess.Popen(
                self.host.enter(*words, cwd=self.folder),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env={**os.environ, "PATH": self.path, "PYTHONPATH": str(ROOT), **environment},
                start_new_session=True,
            )
        self._shells.append(shell)

    @property
    def said(self) -> str:
        return self._log.read_text() if self._log.exists() else ""

    def finish(self) -> str:
        """Wait until all has ended well; what was said."""
        for shell in self._shells:
            assert shell.wait(PATIENCE) == 0, self.said
        return self.said

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to all that runs."""
        for shell in self._shells:
            with suppress(ProcessLookupError):
                os.killpg(shell.pid, number)

    def end(self) -> None:
        """Leave nothing running."""
        self.signal(signal.SIGKILL)
        for shell in self._shells:
            shell.wait()


@contextmanager
def machines(hosts: Sequence[Host], folder: Path) -> Iterator[list[Machine]]:
    made = [Machine(host, folder / f"machine-{n}") for n, host in enumerate(hosts)]
    try:
        yield made
    finally:
        for machine in made:
            machine.end()


def until(condition: Callable[[], bool], what: str, told: Callable[[], str]) -> None:
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end, f"{what}: {told()}"
        time.sleep(0.05)


def tokens(inviter: Machine, count: int) -> list[str]:
    """The tokens that the recipe's first command writes, once they are there."""
    file = inviter.folder / "tokens"

    def lines() -> list[str]:
        return file.read_text().splitlines() if file.exists() else []

    until(lambda: len(lines()) == count, "tokens", lambda: inviter.said)
    return lines()


def all_there(machine: Machine, others: int) -> None:
    """Wait until its peer has met so many."""
    until(lambda: machine.said.count(" joined\n") == others, "others", lambda: machine.said)


@pytest.fixture(scope="module")
def hosts() -> None:
    if shutil.which("nft") is None:
        pytest.skip("the recipe's firewall needs nft")
    if reason := unavailable():
        pytest.skip(reason)


def test_the_recipe_names_its_machines() -> None:
    """So that no block is run on the wrong one, or not at all."""
    assert [machine for machine, _ in recipe()] == [0, 1, 2, 0, 0]


@pytest.mark.slow
@pytest.mark.usefixtures("hosts")
def test_three_machines_behind_firewalls(tmp_path: Path) -> None:
    found, first, second, spare, _ = (block for _, block in recipe())
    with link(3) as hosts, machines(hosts, tmp_path) as (workstation, *laptops):
        for host in hosts:
            host.run("nft", "-f", str(LAN / "firewall.nft"))
        workstation.start("bash", "-euc", found)
        given = tokens(workstation, 2)
        for laptop, block, token in zip(laptops, (first, second), given, strict=True):
            (laptop.folder / "token").write_text(token + "\n")
            laptop.start("bash", "-euc", block)
        for machine in (workstation, *laptops):
            said = machine.finish()
            assert said.count(" joined\n") == 2 and said.endswith("done\n"), said
            assert "#" in said.split(" listens at ")[1].split()[0]  # encrypted, without being asked
        (later := Machine(workstation.host, tmp_path / "later")).start(
            "bash", "-euc", f"cd {workstation.folder}\n{spare}"
        )
        lines = later.finish().splitlines()
        assert sum(line.startswith("tally1-") for line in lines) == 1 and lines[-1] not in given


def unit() -> dict[str, list[str]]:
    """The settings of the service, by key."""
    found: dict[str, list[str]] = {}
    for line in (LAN / "tallyp2p.service").read_text().splitlines():
        key, equals, value = line.partition("=")
        if equals and not line.startswith("#"):
            found.setdefault(key, []).append(value)
    return found


def confined(state: Path, token: Path, environment: str) -> list[str]:
    """The command of the service, under what of its confinement can be had without systemd.

    Another user without any privilege; one directory that can be written to; nobody else's
    processes in /proc; no environment but the unit's.
    """
    [command] = unit()["ExecStart"]
    # The tests' own environment may lie where another user cannot look.
    python, purelib = Path(sys.executable).resolve().name, sysconfig.get_path("purelib")
    shell = f"""
        mount -t tmpfs -o mode=755 none /mnt
        mkdir -m 700 /mnt/state /mnt/credentials && mkdir /mnt/tallyp2p /mnt/python /mnt/packages
        cp {token} /mnt/credentials/token && chown -R 61234:61234 /mnt/state /mnt/credentials
        mount --bind {ROOT} /mnt/tallyp2p && mount -o remount,bind,ro /mnt/tallyp2p
        mount --bind {sys.base_prefix} /mnt/python && mount -o remount,bind,ro /mnt/python
        mount --bind {purelib} /mnt/packages && mount -o remount,bind,ro /mnt/packages
        mount -t proc -o hidepid=invisible proc /proc
        mount -o remount,bind,ro /
        cd /mnt/state && umask {unit()["UMask"][0]}
        export STATE_DIRECTORY=/mnt/state CREDENTIALS_DIRECTORY=/mnt/credentials {environment}
        tallyp2p() {{ exec setpriv --reuid 61234 --regid 61234 --clear-groups --no-new-privs \\
            --bounding-set=-all --inh-caps=-all -- env PYTHONPATH=/mnt/tallyp2p:/mnt/packages \\
            /mnt/python/bin/{python} -u -m tallyp2p.cli "$@"; }}
        {command.replace("/opt/tallyp2p/bin/tallyp2p", "tallyp2p")}
    """
    keep = ["env", "-i", "PATH=/usr/sbin:/usr/bin:/sbin:/bin"]
    return [*keep, "unshare", "--pid", "--fork", "bash", "-euc", shell]


@pytest.mark.slow
@pytest.mark.usefixtures("hosts")
def test_a_service_finds_a_workstation_that_has_moved(tmp_path: Path) -> None:
    found, first, _, _, moved = (block for _, block in recipe())
    invite, *_ = found.splitlines()
    with link(3) as hosts, machines(hosts, tmp_path) as (workstation, laptop, service):
        for host in hosts:
            host.run("nft", "-f", str(LAN / "firewall.nft"))
        workstation.start("bash", "-euc", invite)
        given = tokens(workstation, 2)
        workstation.host.run("ip", "addr", "del", "192.168.1.5/24", "dev", "eth0")
        workstation.host.run("ip", "addr", "add", "192.168.1.8/24", "dev", "eth0")
        workstation.start("bash", "-euc", moved)
        (laptop.folder / "token").write_text(given[0])
        laptop.start("bash", "-euc", f"{first.strip()} --lan")
        (service.folder / "token").write_text(given[1])
        listen = f"LISTEN=tcp://{service.host.four}:7000 OPTIONS=--lan"
        service.start(*confined(service.folder, service.folder / "token", listen))
        for machine in (workstation, laptop, service):
            said = machine.finish()
            assert said.count(" joined\n") == 2 and said.endswith("done\n"), said


@pytest.mark.slow
@pytest.mark.usefixtures("hosts")
def test_addresses_of_both_kinds_and_a_name_server_that_is_silent(tmp_path: Path) -> None:
    """One listens on IPv4, one on IPv6, and one joins by a name that has addresses of both kinds.
    The first is told a name, too, that no server answers for: the system looks for 20 s, and the
    first two meet meanwhile.  The third, without whom none begins, comes when that is over."""
    play = ["rounds=64", "timing.quorum=3", f"timing.join_deadline={PATIENCE:g}"]
    settings = [word for setting in play for word in ("--set", setting)] + ["--insecure-listen"]
    with link(3) as hosts, machines(hosts, tmp_path) as (one, two, three):
        (table := tmp_path / "hosts").write_text(
            f"{one.host.four} one.lan\n{one.host.six} one.lan\n"
        )
        (resolver := tmp_path / "resolv.conf").write_text(f"nameserver {two.host.four}\n")
        two.host.run("nft", "add table inet f")
        two.host.run("nft", "add chain inet f i { type filter hook input priority 0; }")
        two.host.run("nft", "add rule inet f i udp dport 53 drop")
        three.host.reads("hosts", table)
        one.host.reads("resolv.conf", resolver)
        at = [
            f"tcp://{one.host.four}:7000",
            f"tcp://[{two.host.six}]:7000",
            f"tcp://{three.host.four}:7000",
        ]
        seeds = [["tcp://nobody.example:7000"], [at[0]], ["tcp://one.lan:7000"]]

        def begin(number: int, machine: Machine) -> None:
            join = [word for seed in seeds[number] for word in ("--seed", seed)]
            peer = ["tallyp2p", "peer", "--shard", f"{number}/3", "--listen", at[number]]
            machine.start(*peer, *join, *settings)

        begin(1, two)
        until(lambda: " listens at " in two.said, "a listener", lambda: two.said)
        begin(0, one)
        unknown = "nobody knows an address of nobody.example"
        until(lambda: unknown in one.said, "an end of looking", lambda: one.said)
        assert " joined\n" in one.said.partition(unknown)[0], one.said
        begin(2, three)
        for machine in (one, two, three):
            said = machine.finish()
            assert said.count(" joined\n") == 2 and said.endswith("done\n"), said
            assert "is silent" not in said


def test_the_service_is_confined(tmp_path: Path) -> None:
    if shutil.which("systemd-analyze") is None:
        pytest.skip("systemd-analyze is not installed")
    copy = tmp_path / "tallyp2p.service"
    text = (LAN / "tallyp2p.service").read_text()
    copy.write_text(text.replace("/opt/tallyp2p/bin/tallyp2p", shutil.which("true") or ""))
    for words in (["verify"], ["security", "--offline=true", "--threshold=15"]):
        done = subprocess.run(
            ["systemd-analyze", *words, str(copy)], capture_output=True, text=True, timeout=60
        )
        assert done.returncode == 0, done.stdout + done.stderr
    assert "1.4 OK" in done.stdout and "calls it 1.4, OK" in (LAN / "README.md").read_text()


@pytest.mark.slow
@pytest.mark.usefixtures("hosts")
def test_the_commands_of_the_compose_file_make_a_swarm(tmp_path: Path) -> None:
    """Hosts in place of containers, a directory for each volume, no image."""
    (charter := tmp_path / "charter").mkdir()
    text = (LAN / "compose.yaml").read_text().replace("/charter/", f"{charter}/")
    services = yaml.safe_load(text)["services"]
    invite, peers = services.pop("invite"), services
    with link(len(peers), net="172.28.7") as hosts, machines(hosts, tmp_path) as containers:
        for container, (name, service) in zip(containers, peers.items(), strict=True):
            address = container.host.four
            if name == "first":
                address = service["networks"]["swarm"]["ipv4_address"]
                container.host.run("ip", "addr", "add", f"{address}/24", "dev", "eth0")
            (table := container.folder / "hosts").write_text(f"{address} {socket.gethostname()}\n")
            container.host.reads("hosts", table)
            program = container.folder / "bin" / "container"
            program.write_text((LAN / "container").read_text().replace("/charter/", f"{charter}/"))
            program.chmod(0o755)
        first, *_ = containers
        first.start(*invite["entrypoint"], *invite["command"])
        first.finish()
        for container, service in zip(containers, peers.values(), strict=True):
            container.start("container", *service["command"])
        for container in containers:
            all_there(container, 3)
            container.host.run("env", f"PATH={container.path}", "container", "healthy")
        for container in containers:
            container.signal(signal.SIGTERM)
        for container in containers:
            assert container.finish().endswith(("left\n", "done\n"))


def test_the_image_ships_what_the_compose_file_starts() -> None:
    image = (LAN / "Containerfile").read_text()
    services = yaml.safe_load((LAN / "compose.yaml").read_text())["services"]
    assert 'ENTRYPOINT ["container"]' in image and "COPY peers/lan/container " in image
    written = {volume.split(":")[1] for s in services.values() for volume in s["volumes"]}
    [made] = re.findall(r"install -d .* tallyp2p ((?:/\S+ ?)+)", image)
    assert written == set(made.split())  # or the first volume there would be root's
    assert re.search(r"^USER 10001$", image, re.M)
    for source in re.findall(r"^COPY (?!--from)(.+) \S+$", image, re.M):
        assert all((ROOT / name).exists() for name in source.split()), source
