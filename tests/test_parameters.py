from __future__ import annotations

import hashlib

import pytest

from tallyp2p.errors import SettingsError
from tallyp2p.parameters import LIMITS, Ids, RunParameters, Seal, Spreading, Timing, usual_view

# Written out by hand from protocol_spec: what any implementation must hash.
DESCRIPTOR = """tally/1
seed=0
classes=10
abstain=1
pool=300
pool_digest=0000000000000000000000000000000000000000000000000000000000000000
probes=32
rounds_per_ballot=8
spreading=sampled
degree=2
ids=derived
"""


def test_the_descriptor_is_plain_text_in_a_fixed_order() -> None:
    run = RunParameters(probes=32, rounds_per_ballot=8, pool=300)
    assert run.descriptor == DESCRIPTOR
    assert run.digest == hashlib.sha256(DESCRIPTOR.encode()).digest()
    assert run.run == run.digest[:8]


@pytest.mark.parametrize(
    "changes",
    [
        {"seed": 1},
        {"classes": 11},
        {"abstain": False},
        {"pool": 301},
        {"pool_digest": "f" * 64},
        {"probes": 31},
        {"rounds_per_ballot": 7},
        {"spreading": Spreading.BROADCAST},
        {"degree": 3},
        {"ids": Ids.EXPLICIT},
        {"model": "e1" * 32},
    ],
)
def test_any_difference_is_another_run(changes: dict[str, object]) -> None:
    assert RunParameters(**changes).run != RunParameters().run  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("classes", "abstain", "bits"),
    [
        (2, False, 1),
        (2, True, 2),
        (10, False, 4),
        (10, True, 4),
        (16, False, 4),
        (16, True, 5),
        (100, True, 7),
        (65_536, False, 16),
        (65_536, True, 17),
        (100_000, True, 17),
    ],
)
def test_bits_per_vote(classes: int, abstain: bool, bits: int) -> None:
    """RUN-5."""
    assert RunParameters(classes=classes, abstain=abstain).bits == bits


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"classes": 1}, "classes must be from 2"),
        ({"seed": -1}, "seed"),
        ({"pool": 0}, "pool"),
        ({"pool_digest": "xyz"}, "pool_digest"),
        ({"probes": 0}, "probes"),
        ({"probes": 100, "rounds_per_ballot": 4}, "needs 400 distinct probes"),
        ({"degree": 0}, "degree"),
    ],
)
def test_nonsense_is_refused_in_words(changes: dict[str, object], words: str) -> None:
    with pytest.raises(SettingsError, match=words):
        RunParameters(**changes)  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["deadline", "patience", "suspect_after", "join_deadline"])
def test_durations_are_positive(name: str) -> None:
    with pytest.raises(SettingsError, match=name):
        Timing(**{name: 0.0})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"rounds": 2**32}, "rounds must be at most"),  # its number would fit no message
        ({"retain": 65_536}, "retain must be at most"),  # nor would the count of a DIGEST
        ({"ahead": 65_536}, "ahead must be at most"),
        ({"retain": 4, "staleness": 5}, "staleness must be at most retain"),  # already forgotten
    ],
)
def test_what_the_wire_or_the_ledger_cannot_hold_is_refused(
    changes: dict[str, int], words: str
) -> None:
    with pytest.raises(SettingsError, match=words):
        Timing(**changes)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "run",
    [
        RunParameters(),
        RunParameters(seed=5, classes=100, abstain=False, pool=4000, degree=7),
        RunParameters(spreading=Spreading.BROADCAST, ids=Ids.EXPLICIT, seal=Seal.ED25519),
        RunParameters(pool_digest="ab" * 32),
        RunParameters(seal=Seal.ED25519, electorate="e1" * 32),
    ],
)
def test_a_descriptor_is_read_back(run: RunParameters) -> None:
    assert RunParameters.parse(run.descriptor) == run


@pytest.mark.parametrize(
    "change",
    [
        ("tally/1", "tally/2"),
        ("classes=10", "classes=010"),
        ("classes=10", "classes=ten"),
        ("abstain=1", "abstain=2"),
        ("spreading=sampled", "spreading=loud"),
        ("seed=0\n", ""),
        ("ids=derived\n", "ids=derived\nseal=none\n"),
        ("ids=derived\n", "ids=derived"),
        ("ids=derived\n", "ids=derived\nnews=1\n"),
    ],
)
def test_other_text_is_no_descriptor(change: tuple[str, str]) -> None:
    descriptor = RunParameters().descriptor
    assert change[0] in descriptor
    with pytest.raises(SettingsError):
        RunParameters.parse(descriptor.replace(*change))


def test_a_file_that_is_no_descriptor_is_not_repeated_to_the_reader() -> None:
    with pytest.raises(SettingsError, match=r"first line is not tally/1$"):
        RunParameters.parse("root:x:0:0\nwww:x:33:33\n")
    names = "".join(f"{letter * 100}=1\n" for letter in "pqrs")
    with pytest.raises(SettingsError, match=r"not known: p{40}, q{40}, r{40}$"):
        RunParameters.parse(RunParameters().descriptor + names)


def test_a_default_seal_does_not_show_so_that_older_peers_are_of_the_same_run() -> None:
    """RUN-1, VERSION-1."""
    assert "seal" not in RunParameters().descriptor
    assert RunParameters(seal=Seal.ED25519).descriptor.endswith("ids=derived\nseal=ed25519\n")


@pytest.mark.parametrize("model", ["own", "e1" * 31, "E1" * 32])
def test_a_shape_of_models_is_named_by_its_hash(model: str) -> None:
    """RUN-8."""
    with pytest.raises(SettingsError, match="model must be empty or 64"):
        RunParameters(model=model)


@pytest.mark.parametrize(
    ("seal", "electorate", "words"),
    [
        (Seal.NONE, "e1" * 32, "electorate needs seal = ed25519"),
        (Seal.ED25519, "e1" * 31, "64 lower-case"),
        (Seal.ED25519, "E1" * 32, "64 lower-case"),
    ],
)
def test_a_list_of_members_is_named_by_its_hash_in_sealed_runs(
    seal: Seal, electorate: str, words: str
) -> None:
    """ELECT-1, ELECT-2."""
    with pytest.raises(SettingsError, match=words):
        RunParameters(seal=seal, electorate=electorate)


@pytest.mark.parametrize(
    ("spreading", "view", "words"),
    [
        (Spreading.SAMPLED, 5, r"more than degree \(5\)"),
        (Spreading.SAMPLED, 129, "at most 128"),
        (Spreading.BROADCAST, 1, "at least 2"),
        (Spreading.BROADCAST, 129, "at most 128"),
    ],
)
def test_a_view_is_more_than_is_heard_or_a_few(spreading: Spreading, view: int, words: str) -> None:
    """VIEW-11: in broadcast nobody draws, so `degree` bounds nothing there."""
    with pytest.raises(SettingsError, match=words):
        RunParameters(spreading=spreading, degree=5, view=view)


def test_ballots_are_asked_for_only_where_a_view_is_sampled() -> None:
    for spreading in Spreading:
        assert not RunParameters(spreading=spreading).pulls
        run = RunParameters(spreading=spreading, degree=5, view=6)
        assert run.pulls == (spreading is Spreading.SAMPLED)
    assert RunParameters(spreading=Spreading.BROADCAST, degree=5, view=2).view == 2


def test_many_peers_know_some_unless_a_ballot_must_reach_all() -> None:
    sampled, broadcast = Spreading.SAMPLED, Spreading.BROADCAST
    assert [usual_view(peers, sampled, 2) for peers in (1, 64, 65, 1024)] == [0, 0, 8, 8]
    assert usual_view(1024, broadcast, 2) == 0
    # It has to be more than is heard in a round, and a run has to allow it.
    for degree in (1, 4, 8, 63, 64, 65, 127, 128, 500):
        view = usual_view(100, sampled, degree)
        assert RunParameters(degree=degree, view=view).view == view
        assert bool(view) == (degree < LIMITS.view)
