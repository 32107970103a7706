"""Refusals in one line: which runs, and what differs."""

from __future__ import annotations

from tallyp2p.cli.refusals import refusal
from tallyp2p.errors import Reason
from tallyp2p.gossip.contacts import IN_USE
from tallyp2p.gossip.events import Refused
from tallyp2p.parameters import RunParameters, Seal


def told(theirs: RunParameters, ours: RunParameters) -> str:
    return refusal(Refused(int(Reason.RUN), theirs.descriptor, by_them=True), ours.descriptor)


def test_one_over_settings_names_both_runs_and_what_differs_on_both_sides() -> None:
    theirs, ours = RunParameters(classes=100, seed=4), RunParameters()
    assert told(theirs, ours) == (
        f"another peer refused us: they are of run {theirs.run.hex()}, we of run {ours.run.hex()}: "
        "they run with seed=4, classes=100, we with seed=0, classes=10"
    )


def test_other_probes_are_told_by_the_beginning_of_their_hash() -> None:
    line = told(RunParameters(pool_digest="ab" * 32), RunParameters())
    assert "they run with pool_digest=abababababababab..., we with pool_digest=0000" in line


def test_what_only_one_of_them_has_is_named_too() -> None:
    line = told(RunParameters(seal=Seal.ED25519, electorate="e1" * 32), RunParameters())
    assert "with seal=ed25519, electorate=e1e1e1e1e1e1e1e1..., we with seal=none, elec" in line


def test_another_list_of_members_is_told_in_words() -> None:
    one, other = (RunParameters(seal=Seal.ED25519, electorate=x * 64) for x in "ab")
    assert told(one, other).endswith(
        "with another list of members: who is to take part needs a token of the same invitation"
    )


def test_another_shape_of_model_is_told_in_words() -> None:
    line = told(RunParameters(model="ab" * 32), RunParameters(model="cd" * 32))
    assert "have the shape abababababababab..., ours cdcdcdcdcdcdcdcd...: take the same" in line
    line = told(RunParameters(model="ab" * 32), RunParameters())
    assert "they run with model=abababababababab..., we with model=none" in line


def test_many_differences_are_counted() -> None:
    theirs = RunParameters(seed=1, classes=3, abstain=False, pool=400, probes=5, degree=7)
    line = told(theirs, RunParameters())
    assert "abstain=0, pool=400 and 2 settings more, we with seed=0" in line


def test_a_text_that_is_no_descriptor_is_not_repeated() -> None:
    line = refusal(Refused(13, "\x1b[2J" * 9, by_them=True), RunParameters().descriptor)
    assert line.startswith("another peer refused us: they are of run ") and "\x1b" not in line


def test_what_only_the_protocol_knows_is_told_in_plain_words_first() -> None:
    line = refusal(Refused(int(Reason.EARLY), "Ping before HELLO"), "")
    assert line == "refused: a message of somebody who has not said who it is (Ping before HELLO)"
    line = refusal(Refused(int(Reason.MAP), "known is missing", by_them=True), "")
    assert line.startswith("another peer refused us: a message that does not fit this run (known")


def test_others_are_told_by_their_first_line() -> None:
    assert refusal(Refused(20, "not on the list\nx"), "") == "refused: not on the list"
    assert refusal(Refused(20, "", by_them=True), "") == "another peer refused us: reason 20"


def test_who_runs_twice_is_warned_in_one_sentence_by_what_is_known() -> None:
    seen = Refused(int(Reason.AUTHOR), f"tcp://10.0.0.9:7000#key: {IN_USE}")
    end = ": end one of the two, for of two ballots of one peer for a round neither counts"
    at = "at tcp://10.0.0.9:7000#key"
    assert refusal(seen, "") == f"WARNING: another process says that it is this peer, {at}{end}"
    assert refusal(seen, "", proved=True) == (
        f"WARNING: another process has the key of this peer, {at}{end}"
    )
    told = Refused(int(Reason.AUTHOR), IN_USE, by_them=True)
    assert refusal(told, "") == f"WARNING: another peer says that this one runs twice{end}"


def test_two_own_ballots_are_a_warning_and_those_of_others_are_not() -> None:
    seen = Refused(int(Reason.EQUIVOCATION), "ab12 has two ballots for round 6; neither counts")
    assert refusal(seen, "", "ab12").startswith("WARNING: ab12 has two ballots for round 6")
    assert "if it runs twice, end one of the two" in refusal(seen, "", "ab12")
    assert refusal(seen, "", "cd34").startswith("refused: ab12 has two ballots")
