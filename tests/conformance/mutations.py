"""Takes one check out of the code at a time, and asks whether any vector notices.

    python -m tests.conformance.mutations           a table: each mutant and the case that kills it
    python -m tests.conformance.mutations survivors the mutants that no case kills

A mutant is one function with one thing changed: a `raise RemoteError` that does nothing, a
comparison off by one, a guard of the ledger that is always or never taken; or one limit that
is one more or one less.  A vector kills it when what comes out is not what it expects.
"""

from __future__ import annotations

import ast
import importlib
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import CodeType, FunctionType
from typing import Any

from tallyp2p.conformance.answers import answer
from tallyp2p.conformance.matching import differences
from tallyp2p.conformance.vectors import Case, find
from tallyp2p.parameters import LIMITS

__all__ = ["EQUIVALENT", "Mutant", "killer", "mutants", "noticing"]

ROOT = Path(__file__).resolve().parents[2]

# Mutants that change nothing that can be seen, each with the reason.
_SAME = "another way to the same answer, slower or faster"
EQUIVALENT: dict[str, str] = {
    "wire.codec Codec.decode: without: b''": "None and no bytes are both no author",
    "wire.codec Codec._split: len(frame) <= 2 + SIGNATURE": (
        "66 bytes hold a signature and nothing else, which no kind allows"
    ),
    "wire.codec _entries: without: count < 0": "HAVE lacks 1 to 4 bytes, never 24: a rest remains",
    "wire.ids decode_ids: 1 < count <= most": "one id as gaps is in the wrong form (IDS-2) as well",
    "wire.ids _decode_gap: does not refuse IDS, 'a gap does not fit 32 bits'": (
        "what is longer is beyond every pool, or its last byte is 0"
    ),
    "wire.vote VoteCodec._decode_parts: does not refuse LENGTH, "
    "'the frame ends within its author or signature'": "then less than no votes are left",
    "wire.seal Sealer.check: len(self._good) > _REMEMBERED": "one signature more is remembered",
    "wire.seal Sealer.speaker: without: self._key is not None": (
        "without a key the own author is that of an empty identity, which nobody has"
    ),
    'wire.seal Sealer.speaker: does not refuse SEAL, "the sender\'s key is not known"': (
        "whoever is bound to a connection is a member, and its key is known"
    ),
    "wire.keys is_identity: if len(identity) != 32: never": "every text of a key has 32 bytes",
    "consensus.ledger Ledger.add: if page.summed is not None: always": "it drops what is not kept",
    "consensus.ledger Ledger.add: round >= self._newest.get(author, -1)": "the same number again",
    "consensus.ledger Ledger.ballots: if page is None: never": (
        "a round is counted only with an own ballot in it"
    ),
    "bits well_formed: if highest >= top: never": _SAME,
    "bits well_formed: highest > top": _SAME,
    "bits well_formed: if bits in (4, 8): never": _SAME,
    "bits well_formed: if count > _MEDIUM: never": _SAME,
    "bits well_formed: count >= _MEDIUM": _SAME,
}

_CHECKED = {  # module -> functions whose comparisons are limits; None: all that refuse
    "tallyp2p.wire.codec": None,
    "tallyp2p.wire.hello": {"_plain"},
    "tallyp2p.wire.ids": None,
    "tallyp2p.wire.vote": None,
    "tallyp2p.wire.seal": {"usable"},
    "tallyp2p.wire.keys": {"is_identity"},
    "tallyp2p.consensus.ledger": {"add", "ballots"},
    "tallyp2p.bits": {"well_formed"},
}
_GUARDED = {  # functions in which each `if` is taken always, and never
    "tallyp2p.consensus.ledger": {"add", "ballots", "wanted", "_tag"},
    "tallyp2p.bits": {"well_formed"},
    "tallyp2p.wire.seal": {"verify", "usable", "admit"},
    "tallyp2p.wire.keys": {"identity_from_text", "is_identity"},
}
_ENCODERS = ("encode", "_encode", "_problem", "sign")
_LIMITS = ("frame", "hello", "text", "endpoint", "members", "peers", "digest", "have", "want")
_NEIGHBOUR = {ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt}


_Change = Callable[[ast.AST], ast.AST]


@dataclass(frozen=True)
class Mutant:
    """One change: `name` says where and what; `applied` makes it, for as long as it is open."""

    name: str
    line: int
    module: str
    applied: Callable[[], Any]


# --- making them -----------------------------------------------------------------------------


def mutants() -> Iterator[Mutant]:
    """All of them."""
    for module, functions in _CHECKED.items():
        path = ROOT / Path(*module.split(".")).with_suffix(".py")
        tree = ast.parse(path.read_text())
        for function, owner in _functions(tree):
            yield from _of_function(module, tree, function, owner, functions)
    for name in _LIMITS:
        for by in (-1, 1):
            yield Mutant(f"LIMITS.{name} {by:+d}", 0, "limits", partial(_limit, name, by))
    for name in ("_MOST_ITEMS", "_MOST_DEPTH"):
        for by in (-1, 1):
            yield Mutant(f"hello.{name} {by:+d}", 0, "limits", partial(_constant, name, by))


def _functions(tree: ast.Module) -> Iterator[tuple[ast.FunctionDef, str]]:
    """Every function, and the class that it belongs to."""
    for node in tree.body:
        if isinstance(node, ast.FunctionDef):
            yield node, ""
        elif isinstance(node, ast.ClassDef):
            for inner in node.body:
                if isinstance(inner, ast.FunctionDef):
                    yield inner, node.name


def _of_function(
    module: str, tree: ast.Module, function: ast.FunctionDef, owner: str, named: set[str] | None
) -> Iterator[Mutant]:
    if function.name.startswith(_ENCODERS):
        return
    refusals = [n for n in ast.walk(function) if isinstance(n, ast.Raise) and _refuses(n)]
    compared = bool(refusals) or (named is not None and function.name in named)
    guarded = function.name in _GUARDED.get(module, ())
    found: list[tuple[int, str, int, _Change]] = []
    for index, node in enumerate(ast.walk(function)):
        if isinstance(node, ast.Raise) and node in refusals:
            assert isinstance(node.exc, ast.Call)
            reason, text, *_ = map(ast.unparse, node.exc.args)
            what = f"does not refuse {reason.removeprefix('Reason.')}, {text}"
            found.append((node.lineno, what, index, _nothing))
        if compared and isinstance(node, ast.Compare):
            for part, op in enumerate(node.ops):
                if type(op) in _NEIGHBOUR:
                    what = ast.unparse(_moved(deepcopy(node), part))
                    found.append((node.lineno, what, index, partial(_moved, at=part)))
        if (compared or guarded) and isinstance(node, ast.BoolOp):
            for part, value in enumerate(node.values):
                what = f"without: {ast.unparse(value)}"
                found.append((value.lineno, what, index, partial(_without, at=part)))
        if guarded and isinstance(node, ast.If):
            for truth in (True, False):
                what = f"if {ast.unparse(node.test)}: {'always' if truth else 'never'}"
                test = _index(function, node.test)
                found.append((node.lineno, what, test, partial(_always, truth=truth)))
        if guarded and isinstance(node, ast.comprehension):
            for asked in node.ifs:
                what = f"not only if {ast.unparse(asked)}"
                found.append((asked.lineno, what, _index(function, asked), _always))
    place = f"{owner}.{function.name}" if owner else function.name
    short = module.removeprefix("tallyp2p.")
    for line, what, index, change in found:
        applied = partial(_changed, module, tree, function, owner, index, change)
        yield Mutant(f"{short} {place}: {what}", line, module, applied)


def _refuses(node: ast.Raise) -> bool:
    call = node.exc
    return (
        isinstance(call, ast.Call)
        and isinstance(call.func, ast.Name)
        and call.func.id == "RemoteError"
    )


def _index(function: ast.FunctionDef, wanted: ast.AST) -> int:
    return next(at for at, node in enumerate(ast.walk(function)) if node is wanted)


def _moved(node: ast.AST, at: int) -> ast.AST:
    assert isinstance(node, ast.Compare)
    node.ops[at] = _NEIGHBOUR[type(node.ops[at])]()
    return node


def _nothing(node: ast.AST) -> ast.AST:
    return ast.Pass()


def _always(node: ast.AST, truth: bool = True) -> ast.AST:
    return ast.Constant(truth)


def _without(node: ast.AST, at: int) -> ast.AST:
    """One of the parts of `and` or `or` less."""
    assert isinstance(node, ast.BoolOp)
    del node.values[at]
    return node if len(node.values) > 1 else node.values[0]


# --- applying them ---------------------------------------------------------------------------


class _Replace(ast.NodeTransformer):
    def __init__(self, target: ast.AST, change: _Change) -> None:
        self.target, self.change = target, change

    def visit(self, node: ast.AST) -> ast.AST:
        if node is self.target:
            return ast.copy_location(self.change(node), node)
        return super().generic_visit(node)


@contextmanager
def _changed(
    module: str,
    tree: ast.Module,
    function: ast.FunctionDef,
    owner: str,
    index: int,
    change: _Change,
) -> Iterator[None]:
    """The live function with the code of a changed one."""
    changed = deepcopy(tree)
    [body] = [f for f, o in _functions(changed) if f.name == function.name and o == owner]
    target = list(ast.walk(body))[index]
    _Replace(target, change).visit(changed)
    code = compile(ast.fix_missing_locations(changed), f"<mutant of {module}>", "exec")
    live_module = importlib.import_module(module)
    home = getattr(live_module, owner) if owner else live_module
    live = getattr(home, function.name)
    assert isinstance(live, FunctionType), live
    before = live.__code__
    live.__code__ = _code_of(code, owner, function.name)
    try:
        yield
    finally:
        live.__code__ = before


def _code_of(module: CodeType, owner: str, name: str) -> CodeType:
    for part in (owner, name) if owner else (name,):
        module = next(c for c in module.co_consts if isinstance(c, CodeType) and c.co_name == part)
    return module


@contextmanager
def _limit(name: str, by: int) -> Iterator[None]:
    value = getattr(LIMITS, name)
    object.__setattr__(LIMITS, name, value + by)
    try:
        yield
    finally:
        object.__setattr__(LIMITS, name, value)


@contextmanager
def _constant(name: str, by: int) -> Iterator[None]:
    from tallyp2p.wire import hello

    value = getattr(hello, name)
    setattr(hello, name, value + by)
    try:
        yield
    finally:
        setattr(hello, name, value)


# --- killing them ----------------------------------------------------------------------------

_FIRST = {  # the kinds of case that are likeliest to notice
    "tallyp2p.consensus.ledger": ("ledger", "gossip"),
    "tallyp2p.bits": ("bits", "codec"),
    "tallyp2p.wire.seal": ("seal", "codec"),
    "tallyp2p.wire.keys": ("keys",),
    "limits": ("codec", "ledger"),
}


def noticing() -> list[Case]:
    """All vectors but one that takes a thousand HELLOs."""
    return [case for case in find() if case.name != "more authors than may be known"]


def in_order(cases: Sequence[Case], module: str) -> list[Case]:
    """Likely ones first, large ones last."""
    first = _FIRST.get(module, ("codec",))
    return sorted(cases, key=lambda c: (c.kind not in first, c.file == "large", c.kind == "gossip"))


def killer(mutant: Mutant, cases: Sequence[Case], reasons: bool = False) -> Case | None:
    """The first case whose result is not the expected one; None: it survives."""
    with mutant.applied():
        for case in in_order(cases, mutant.module):
            try:
                if differences(case, answer(case.kind, case.input), reasons=reasons):
                    return case
            except Exception:  # it broke down: a result that no vector expects
                return case
    return None


def main(arguments: Sequence[str]) -> int:
    cases, survivors = noticing(), 0
    for mutant in mutants():
        found, how = killer(mutant, cases), "killed"
        if found is None:
            found, how = killer(mutant, cases, reasons=True), "killed, by the reason alone,"
        if found is None and mutant.name in EQUIVALENT:
            print(f"{mutant.name}\n    equivalent: {EQUIVALENT[mutant.name]}")
        elif found is None:
            survivors += 1
            print(f"{mutant.name}\n    SURVIVED")
        elif not arguments:
            print(f"{mutant.name}\n    {how} by {found.id}")
    print(f"{survivors} survived")
    return 1 if survivors else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
