"""The numbered clauses of the specification, and what covers them."""

from __future__ import annotations

import ast
import json
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Coverage", "chapters", "clauses", "cover", "loose", "references"]

CLAUSE = re.compile(r"\b[A-Z]{2,}-\d+\b")
_HEAD = re.compile(r"^- \*\*([A-Z]+-\d+)\*\*")
_NORMATIVE = re.compile(r"\b(?:MUST|SHOULD)\b")
_AS_A_NOUN = re.compile(r"\b[Aa] (?:MUST|SHOULD)\b")
FOREIGN = {"RFC-2119", "SHA-256", "SHA-512", "UTF-16", "UTF-8"}  # look like clauses, and are none


def chapters(folder: Path) -> list[Path]:
    """Every text of the specification, in reading order."""
    return sorted(folder.glob("*.md"), key=lambda path: (path.name[0].isdigit(), path.name))


def clauses(folder: Path) -> list[tuple[str, str]]:
    """(id, text) of every numbered clause, in reading order."""
    found: list[tuple[str, str]] = []
    for path in chapters(folder):
        for id, text in _paragraphs(path.read_text()):
            if id:
                found.append((id, text))
    return found


def loose(folder: Path) -> list[str]:
    """`file: text` of paragraphs that oblige somebody outside any numbered clause."""
    found = []
    for path in chapters(folder):
        for id, text in _paragraphs(path.read_text()):
            if id or "RFC 2119" in text:
                continue
            if _NORMATIVE.search(_AS_A_NOUN.sub("", text)):
                found.append(f"{path.name}: {text}")
    return found


def references(folder: Path) -> set[str]:
    """Everything that looks like a clause's id, wherever it stands."""
    texts = [path.read_text() for path in chapters(folder)]
    texts += [path.read_text() for path in sorted(folder.rglob("*.json"))]
    texts += [p.read_text() for p in sorted(folder.iterdir()) if p.suffix in _GRAMMARS]
    return {id for text in texts for id in CLAUSE.findall(text)} - FOREIGN


_GRAMMARS = (".abnf", ".ksy", ".cddl")


def _paragraphs(text: str) -> Iterator[tuple[str, str]]:
    """(clause's id or "", text) of each paragraph; code blocks are left out."""
    id, lines, fenced = "", [""], False
    for line in [*text.splitlines(), ""]:
        if line.startswith("```"):
            fenced = not fenced
            continue
        if fenced:
            continue
        head = _HEAD.match(line)
        inside = bool(id) and (line.startswith("  ") or not line.strip())
        if head or (not line.strip() and not id) or (id and not inside):
            yield id, "\n".join(lines).strip()
            id, lines = head.group(1) if head else "", []
        lines.append(line)
    yield id, "\n".join(lines).strip()


@dataclass(frozen=True)
class Coverage:
    """How often each clause is cited, by whom."""

    vectors: Counter[str]
    prober: Counter[str]
    tests: Counter[str]

    def of(self, clause: str) -> tuple[int, int, int]:
        return self.vectors[clause], self.prober[clause], self.tests[clause]


def cover(root: Path) -> Coverage:
    """Count the vectors, prober cases and test functions of a checkout that cite each clause."""
    vectors: Counter[str] = Counter()
    for path in sorted((root / "protocol_spec/vectors").rglob("*.json")):
        if path.name != "schema.json":
            for case in json.loads(path.read_text())["cases"]:
                vectors.update(set(case.get("clauses", ())))
    prober: Counter[str] = Counter()
    for path in sorted((root / "tallyp2p/conformance/prober/cases").glob("*.py")):
        for cited in _literals(ast.parse(path.read_text())):
            prober.update(cited)
    tests: Counter[str] = Counter()
    for path in sorted((root / "tests").rglob("test_*.py")):
        if "node_modules" not in path.parts:
            source = path.read_text()
            for cited in _test_functions(ast.parse(source), source):
                tests.update(cited)
    return Coverage(vectors, prober, tests)


def _literals(tree: ast.AST) -> Iterator[set[str]]:
    """The value of each `clauses=(...)`."""
    for node in ast.walk(tree):
        if isinstance(node, ast.keyword) and node.arg == "clauses":
            yield {
                inner.value
                for inner in ast.walk(node.value)
                if isinstance(inner, ast.Constant) and isinstance(inner.value, str)
            }


def _test_functions(tree: ast.AST, source: str) -> Iterator[set[str]]:
    """What each test function cites, with its decorators; a class's docstring counts for all."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef):
            of_class = set(CLAUSE.findall(ast.get_docstring(node) or ""))
            for inner in node.body:
                if _is_test(inner):
                    yield of_class | _cited(inner, source)
    for node in tree.body if isinstance(tree, ast.Module) else []:
        if _is_test(node):
            yield _cited(node, source)


def _is_test(node: ast.AST) -> bool:
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef)
    return isinstance(node, kinds) and node.name.startswith("test")


def _cited(node: ast.AST, source: str) -> set[str]:
    assert isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))
    first = min([node.lineno, *(d.lineno for d in node.decorator_list)])
    lines = source.splitlines()[first - 1 : node.end_lineno]
    return set(CLAUSE.findall("\n".join(lines))) - FOREIGN
