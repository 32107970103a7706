"""The rules of the house, read from the source (ARCHITECTURE.md, "Rules")."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "tallyp2p"
MODULES = sorted(PACKAGE.rglob("*.py"))

# A module may import its own floor's room, and any floor below.
FLOORS: list[set[str]] = [
    {"version", "errors"},
    {"parameters", "payloads", "messages", "bits"},
    {"consensus", "storage"},
    {"gossip", "learning", "wire"},
    {"birth", "tracing"},
    {"runtime", "simulator"},
    {"profiles", "reporting", "admission", "assemble", "keeping", "staging", "api", "conformance"},
    {"cli", "__init__"},
]
WINGS = {"gossip", "learning", "wire"}
# Two shells around the same machine, in real and in virtual time; neither knows learners.
SHELLS = {"runtime", "simulator"}

# Where a name may be imported from the outside world; everything else may go anywhere.
ONLY_IN: dict[str, set[str]] = {
    "torch": {"learning"},
    "torchvision": {"learning"},
    "safetensors": {"learning"},
    "zmq": {"runtime"},
    "socket": {"runtime"},
    "threading": {"runtime"},
    "multiprocessing": {"runtime"},
    "subprocess": {"runtime"},
    "asyncio": {"runtime", "assemble", "api", "conformance", "cli"},
    "msgpack": {"wire"},
    "cryptography": {"wire"},
    "click": {"cli"},
    "rich": {"cli"},
    "matplotlib": {"reporting"},
    "pickle": set(),
    "time": {"runtime", "reporting", "assemble", "api", "cli"},
    "datetime": {"runtime", "reporting", "assemble", "api", "cli"},
    "uuid": set(),
    "secrets": {"runtime", "assemble", "api", "cli"},
}
# Global generators: decisions below the shells take theirs as arguments.
GLOBAL_CHANCE = {
    ("random", name)
    for name in ("random", "randrange", "randint", "choice", "shuffle", "sample", "seed", "uniform")
} | {("os", "urandom")}


def room(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def floor(name: str) -> int:
    return next(index for index, names in enumerate(FLOORS) if name in names)


def imports(path: Path) -> Iterator[tuple[str, int]]:
    """(absolute module, line) of every import, at any depth."""
    parts = list(path.relative_to(ROOT).with_suffix("").parts)
    package = parts[:-1]
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.name, node.lineno
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            module = ".".join([*base, *([node.module] if node.module else [])])
            if node.level and not node.module:
                for alias in node.names:
                    yield f"{module}.{alias.name}", node.lineno
            else:
                yield module, node.lineno


def inner_imports(path: Path) -> Iterator[tuple[str, int]]:
    for module, line in imports(path):
        if module.startswith("tallyp2p."):
            yield module.split(".")[1], line


@pytest.mark.parametrize("path", MODULES, ids=lambda p: str(p.relative_to(ROOT)))
class TestModule:
    def test_imports_point_down(self, path: Path) -> None:
        own = room(path)
        for other, line in inner_imports(path):
            assert other == own or floor(other) <= floor(own), f"{path}:{line} imports up: {other}"
            if own in WINGS and other in WINGS:
                assert other == own, f"{path}:{line}: {own} and {other} are wings that never meet"
            if own in SHELLS:
                assert other not in (SHELLS | {"learning"}) - {own}, f"{path}:{line}: {other}"

    def test_the_outside_world_enters_where_it_may(self, path: Path) -> None:
        for module, line in imports(path):
            rooms = ONLY_IN.get(module.split(".")[0])
            assert rooms is None or room(path) in rooms, f"{path}:{line}: {module} is not for here"

    def test_no_global_chance(self, path: Path) -> None:
        if floor(room(path)) >= floor("runtime") and room(path) != "simulator":
            return
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
                assert (node.value.id, node.attr) not in GLOBAL_CHANCE, f"{path}:{node.lineno}"
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Attribute):
                inner = node.value
                is_numpy = isinstance(inner.value, ast.Name) and inner.value.id in ("np", "numpy")
                if is_numpy and inner.attr == "random":
                    allowed = node.attr in ("Generator", "default_rng", "PCG64", "SeedSequence")
                    allowed |= node.attr in ("get_state", "set_state")  # kept, not drawn from
                    assert allowed, f"{path}:{node.lineno}: np.random.{node.attr}"

    def test_files_are_short(self, path: Path) -> None:
        assert len(path.read_text().splitlines()) <= 400, path


def test_no_circles() -> None:
    graph: dict[str, set[str]] = {}
    names = {".".join(p.relative_to(ROOT).with_suffix("").parts): p for p in MODULES}
    for name, path in names.items():
        graph[name] = {m for m, _ in imports(path) if m in names and m != name}
    done: set[str] = set()

    def visit(name: str, trail: tuple[str, ...]) -> None:
        assert name not in trail, " -> ".join([*trail, name])
        if name in done:
            return
        for other in sorted(graph[name]):
            visit(other, (*trail, name))
        done.add(name)

    for name in sorted(graph):
        visit(name, ())


def test_nobody_imports_the_edges() -> None:
    for path in MODULES:
        for module, line in imports(path):
            assert module.split(".")[0] not in ("simulations", "tests", "peers", "scripts"), (
                f"{path}:{line}"
            )


@pytest.mark.parametrize("folder", ["peers", "protocol_spec"])
def test_foreign_peers_and_the_specification_stand_without_us(folder: str) -> None:
    for path in sorted((ROOT / folder).rglob("*.py")):
        for module, line in imports(path):
            assert not module.startswith("tallyp2p"), f"{path}:{line}"


def test_every_module_has_a_test_file_of_its_own() -> None:
    """A module without one is tested by accident, if at all."""
    missing = []
    for path in MODULES:
        relative = path.relative_to(PACKAGE)
        if path.name in ("__init__.py", "__main__.py") or relative.name in DECLARATIONS:
            continue
        if not (ROOT / "tests" / relative.parent / f"test_{relative.name}").exists():
            missing.append(str(relative))
    assert not missing, missing


# Names and types only: nothing to run.
DECLARATIONS = {"version.py", "events.py", "contributor.py", "payloads.py"}


def test_the_ci_runs_the_readmes_test_command() -> None:
    command = "python3 -m venv .venv && .venv/bin/pip install '.[dev]' && .venv/bin/pytest"
    assert f"\n{command}\n" in (ROOT / "README.md").read_text()
    assert f"\n{command}\n" in (ROOT / ".ci" / "run").read_text()
