"""The specification's text, its data and the code say the same."""

from __future__ import annotations

import json
import re
import shutil
from dataclasses import MISSING, fields
from enum import Enum
from pathlib import Path
from typing import Any

import pytest

from scripts.spec import drift, main, write
from scripts.spec_clauses import clauses, loose, references
from tallyp2p import messages
from tallyp2p.errors import Reason, SettingsError
from tallyp2p.messages import FINISHED, GREASE_KINDS, PARTED, Kind
from tallyp2p.parameters import LIMITS, PROTOCOL_VERSION, RunParameters, Timing
from tallyp2p.wire import hello, seal, vote
from tallyp2p.wire.codec import MAGIC

ROOT = Path(__file__).resolve().parents[2]
SPEC = ROOT / "protocol_spec"
PACKAGE = ROOT / "tallyp2p"
CONSTANTS: dict[str, Any] = json.loads((SPEC / "constants.json").read_text())


def registry(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((SPEC / f"registries/{name}.json").read_text())
    return found


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A copy of the specification, to be spoilt."""
    return Path(shutil.copytree(SPEC, tmp_path / "protocol_spec"))


# --- text and data ------------------------------------------------------------------------


def test_no_block_differs_from_the_data() -> None:
    assert list(drift(SPEC)) == []


def test_a_changed_table_is_found_and_mended(copy: Path) -> None:
    chapter = copy / "06-limits-and-reasons.md"
    good = chapter.read_text()
    chapter.write_text(good.replace("| 4,096 |", "| 4,097 |"))
    assert list(drift(copy)) == ["06-limits-and-reasons.md: limits"]
    assert main(["--check", "--root", str(copy.parent)]) == 1
    assert main(["--root", str(copy.parent)]) == 0
    assert chapter.read_text() == good


def test_a_changed_constant_is_found(copy: Path) -> None:
    path = copy / "constants.json"
    path.write_text(path.read_text().replace('"value": 4096', '"value": 4097', 1))
    assert list(drift(copy)) == ["06-limits-and-reasons.md: limits"]


def test_a_changed_field_is_found_in_its_drawing_and_table(copy: Path) -> None:
    path = copy / "registries/kinds.json"
    path.write_text(path.read_text().replace('"name": "nonce"', '"name": "number"'))
    assert list(drift(copy)) == [
        f"03-messages.md: {made} {kind}"
        for kind in ("PING", "PONG")
        for made in ("diagram", "fields")
    ]


def test_a_changed_example_is_found_and_never_written_over(copy: Path) -> None:
    chapter = copy / "03-messages.md"
    spoilt = chapter.read_text().replace("05 00 00000001 1b2c3d4e 00000006", "05 00 00000001")
    chapter.write_text(spoilt)
    write(copy)
    assert list(drift(copy)) == ["03-messages.md: the bytes of codec/hand.json | PONG"]
    assert chapter.read_text() == spoilt


def test_a_block_without_its_end_is_found(copy: Path) -> None:
    chapter = copy / "06-limits-and-reasons.md"
    text = chapter.read_text()
    chapter.write_text(text[: text.rindex("<!-- end -->")])
    assert "06-limits-and-reasons.md: a block without its end" in list(drift(copy))


# --- clauses ------------------------------------------------------------------------------


def test_every_clause_has_one_number() -> None:
    ids = [id for id, _ in clauses(SPEC)]
    assert len(ids) == len(set(ids)) > 100


def test_references_lead_somewhere() -> None:
    assert references(SPEC) <= {id for id, _ in clauses(SPEC)}


def test_whatever_obliges_somebody_has_a_number() -> None:
    assert loose(SPEC) == []


def test_a_rule_without_a_number_is_found(copy: Path) -> None:
    chapter = copy / "06-limits-and-reasons.md"
    chapter.write_text(chapter.read_text() + "\nA peer MUST be polite.\n")
    assert loose(copy) == ["06-limits-and-reasons.md: A peer MUST be polite."]


def test_a_vector_counts_for_each_clause_that_it_names(copy: Path, capsys: Any) -> None:
    folder = copy / "vectors"
    shutil.rmtree(folder)
    (folder / "bits").mkdir(parents=True)
    cases = {"cases": [{"clauses": ["BITS-1", "BITS-2"]}, {"clauses": ["BITS-1"]}]}
    (folder / "bits/hand.json").write_text(json.dumps(cases))
    prober = copy.parent / "tallyp2p/conformance/prober/cases"
    prober.mkdir(parents=True)
    (prober / "some.py").write_text('CASES = (Case("x", clauses=("VOTE-3", "BITS-1")),)\n')
    (copy.parent / "tests").mkdir()
    (copy.parent / "tests/test_some.py").write_text(
        'def test_it():\n    """VOTE-3 holds."""\n\n\ndef other():\n    """VOTE-4."""\n'
    )
    assert main(["--coverage", "--root", str(copy.parent)]) == 0
    rows = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert ["BITS-1", "2", "1", "0"] in rows
    assert ["BITS-2", "1", "0", "0"] in rows
    assert ["VOTE-3", "0", "1", "1"] in rows
    assert ["VOTE-4", "0", "0", "0"] in rows
    assert main(["--uncovered", "--root", str(copy.parent)]) == 0
    assert "BITS-2 " not in capsys.readouterr().out.partition("nothing cites")[0]
    assert main(["--uncovered", "--strict", "--root", str(copy.parent)]) == 1


# --- data and code ------------------------------------------------------------------------


def test_limits() -> None:
    found = {entry["name"]: entry["value"] for entry in CONSTANTS["limits"]}
    assert found == {item.name: getattr(LIMITS, item.name) for item in fields(LIMITS)}


def test_reasons() -> None:
    found = [(e["code"], e["name"], e["verdict"]) for e in registry("reasons")["entries"]]
    assert found == [(int(reason), reason.name, reason.verdict.value) for reason in Reason]


def test_kinds() -> None:
    found = [(int(e["kind"], 16), e["name"]) for e in registry("kinds")["entries"]]
    assert found == [(int(kind), kind.name) for kind in Kind]


def test_messages_have_the_registrys_fields() -> None:
    """A class may hold more than travels in its own fields: an author, and what HELLO adds."""
    for entry in registry("kinds")["entries"]:
        name = "Ballot" if entry["name"] == "VOTE" else entry["name"].capitalize()
        has = {item.name for item in fields(getattr(messages, name))}
        travels = {field["name"] for field in entry["fields"]} - {"n", "magic", "map", "signature"}
        if name == "Hello":
            travels = {e["key"] for e in registry("hello-keys")["entries"]}
        assert has - travels <= {"extra", "seal"}, name
        assert travels <= has, name


def test_flags() -> None:
    found = {f["name"]: (int(f["flag"], 16), set(f["kinds"])) for f in registry("kinds")["flags"]}
    assert found == {
        "author": (vote.FLAG_AUTHOR, {"VOTE"}),
        "ids": (vote.FLAG_IDS, {"VOTE"}),
        "seal": (vote.FLAG_SEAL, {"HELLO", "BYE", "VOTE"}),
    }
    for entry in registry("kinds")["entries"]:
        of_kind = {f["flag"] for f in registry("kinds")["flags"] if entry["name"] in f["kinds"]}
        assert set(entry["flags"]) == of_kind, entry["name"]


@pytest.mark.parametrize(
    ("name", "settings"), [("run_parameters", RunParameters), ("timing", Timing)]
)
def test_parameters(name: str, settings: type[RunParameters] | type[Timing]) -> None:
    found = [(entry["name"], entry["default"]) for entry in CONSTANTS[name]]
    defaults: list[tuple[str, Any]] = []
    for item in fields(settings):
        assert item.default is not MISSING
        value = item.default
        defaults.append((item.name, value.value if isinstance(value, Enum) else value))
    assert found == defaults


@pytest.mark.parametrize(
    ("name", "settings"), [("run_parameters", RunParameters), ("timing", Timing)]
)
def test_values_in_the_tables_ranges_are_taken_and_others_refused(
    name: str, settings: type[RunParameters] | type[Timing]
) -> None:
    """RUN-6, and TIMING's table."""
    make: Any = settings
    # So that each parameter can go to its bounds while the others stay.
    wide: dict[str, Any] = {"pool": 2**32 - 1, "probes": 1, "rounds_per_ballot": 1}
    others = wide if settings is RunParameters else {"retain": 16_384}
    for entry in CONSTANTS[name]:
        own = entry["name"]
        kept = {key: value for key, value in others.items() if key != own}
        for bound, beyond in (("min", -1), ("max", 1)):
            if bound in entry:
                make(**kept, **{own: entry[bound]})
                with pytest.raises(SettingsError, match=own):
                    make(**kept, **{own: entry[bound] + beyond})
        if entry.get("unit") == "seconds":
            with pytest.raises(SettingsError, match=own):
                make(**{own: 0})
        if "values" in entry:
            assert [member.value for member in type_of(settings, own)] == entry["values"]


def type_of(settings: type[RunParameters] | type[Timing], name: str) -> Any:
    return type(next(item for item in fields(settings) if item.name == name).default)


def test_the_descriptor_lists_the_table_in_its_order() -> None:
    entries = CONSTANTS["run_parameters"]
    late = {entry["name"] for entry in entries if entry.get("omitted_at_default")}

    def names(run: RunParameters) -> list[str]:
        return [line.partition("=")[0] for line in run.descriptor.splitlines()[1:]]

    assert names(RunParameters()) == [e["name"] for e in entries if e["name"] not in late]
    changed: dict[str, Any] = {
        e["name"]: "e" * e["digits"]
        if "digits" in e
        else type_of(RunParameters, e["name"])(e["values"][-1] if "values" in e else e["max"])
        for e in entries
        if e["name"] in late
    }
    assert names(RunParameters(**changed)) == [entry["name"] for entry in entries]


def test_protocol_numbers() -> None:
    found = CONSTANTS["protocol"]
    assert found["version"] == PROTOCOL_VERSION == registry("versions")["entries"][-1]["version"]
    assert found["magic"].encode() == MAGIC
    assert (found["map_items"], found["map_depth"]) == (hello._MOST_ITEMS, hello._MOST_DEPTH)
    assert found["none"] == hello._NO_ROUND
    codes = {entry["name"]: entry["code"] for entry in registry("bye-codes")["entries"]}
    assert codes == {"LEAVING": messages.Bye().code, "FINISHED": FINISHED, "PARTED": PARTED}
    assert (found["bye_finished"], found["bye_parted"]) == (FINISHED, PARTED)


def test_hello_keys() -> None:
    assert [e["key"] for e in registry("hello-keys")["entries"]] == sorted(hello._KEYS)


def test_grease_kinds() -> None:
    assert tuple(int(kind, 16) for kind in registry("grease")["kinds"]) == GREASE_KINDS


def test_small_order_points() -> None:
    assert {bytes.fromhex(y) for y in registry("small-order")["y"]} == seal._SMALL


def test_domains() -> None:
    """Every text in the table is in the code, and what is said between peers has no other."""
    places = {"TALLY1-POOL ": "learning", "TALLY1-SEAL": "wire"}
    for entry in CONSTANTS["domains"]:
        text = entry["text"]
        [place] = [p for t, p in places.items() if text.startswith(t)] or ["consensus"]
        assert any(text in p.read_text() for p in (PACKAGE / place).rglob("*.py")), text
    for place in ("consensus", "wire", "gossip"):
        for path in (PACKAGE / place).rglob("*.py"):
            for text in re.findall(r'b"(TALLY1-[^"]*)"', path.read_text()):
                assert text in [entry["text"] for entry in CONSTANTS["domains"]]


def test_sizes() -> None:
    found = {entry["name"]: entry["bytes"] for entry in CONSTANTS["sizes"]}
    run = RunParameters()
    assert (found["run_digest"], found["run_id"]) == (len(run.digest), len(run.run))
    assert found["signature"] == seal.SIGNATURE
    by_kind = {entry["name"]: entry for entry in registry("kinds")["entries"]}
    for name, of in (("tag", "HAVE"), ("hash", "DIGEST"), ("author", "WANT")):
        [entries] = [f["of"] for f in by_kind[of]["fields"] if "of" in f]
        assert found[name] == next(f["size"] for f in entries if f["name"] == name)
    keys = {e["key"]: e.get("size") for e in registry("hello-keys")["entries"]}
    assert (found["identity"], found["instance"]) == (keys["identity"], keys["instance"])


def test_entries_of_a_registry_are_apart() -> None:
    """EXT-3: an entry has one meaning."""
    for name, key in (
        ("reasons", "code"),
        ("bye-codes", "code"),
        ("kinds", "kind"),
        ("hello-keys", "key"),
        ("classes", "name"),
    ):
        found = [entry[key] for entry in registry(name)["entries"]]
        assert len(found) == len(set(found)), name
    taken = {e["kind"] for e in registry("kinds")["entries"]}
    assert not taken & set(registry("grease")["kinds"])
    prefixes = (registry("hello-keys")["private"], registry("grease")["key_prefix"])
    assert not [e for e in registry("hello-keys")["entries"] if e["key"].startswith(prefixes)]


def test_implementations_say_what_they_are() -> None:
    """CONF-1."""
    known = {entry["name"] for entry in registry("classes")["entries"]}
    for entry in registry("implementations")["entries"]:
        assert entry["class"] in known and entry["runs"], entry["name"]


def test_no_clock_that_goes_back_is_read_where_peers_wait() -> None:
    """TIMING-1."""
    for place in ("gossip", "runtime", "consensus", "wire"):
        for path in (PACKAGE / place).rglob("*.py"):
            found = re.findall(r"\btime\.time\(|\bdatetime\b", path.read_text())
            assert not found, path


# --- headings -----------------------------------------------------------------------------


def test_chapter_3_has_a_section_for_each_kind_in_order() -> None:
    text = (SPEC / "03-messages.md").read_text()
    headings = re.findall(r"^## 3\.\d+ (.*)$", text, re.M)
    named = [pair for h in headings for pair in re.findall(r"([A-Z]+) \(([0-9a-f]{2})\)", h)]
    assert named == [(e["name"], e["kind"]) for e in registry("kinds")["entries"]]


def test_sections_are_numbered_in_order() -> None:
    for path in sorted(SPEC.glob("[0-9]*.md")):
        chapter = int(path.name[:2])
        found = re.findall(r"^## (\d+)\.(\d+)", path.read_text(), re.M)
        assert found == [(str(chapter), str(n + 1)) for n in range(len(found))], path.name


def test_the_record_of_implementations_counts_the_cases_that_there_are() -> None:
    """Who adds a vector runs it against all of them, and says so."""
    files = (SPEC / "vectors").glob("*/*.json")
    cases = [
        (path.parent.name, one) for path in files for one in json.loads(path.read_text())["cases"]
    ]
    plain = sum(
        kind != "keys" and not {"view", "electorate", "model"} & {*case["input"].get("run", {})}
        for kind, case in cases
    )
    for entry in registry("implementations")["entries"]:
        passed = len(cases) if "with a view" in entry["runs"] else plain
        assert entry["vectors"] == f"{passed:,} of {len(cases):,}", entry["name"]
