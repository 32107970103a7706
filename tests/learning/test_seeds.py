"""Every role and peer has a stream of its own, the same in every process."""

from __future__ import annotations

import hashlib

import torch

from tallyp2p.learning import seeds


def test_derivation_is_sha256_of_seed_index_and_role() -> None:
    words = b"TALLY1-LEARNER" + bytes(7) + b"\x05" + bytes(3) + b"\x02" + b"batches"
    expected = int.from_bytes(hashlib.sha256(words).digest()[:8], "big") >> 1
    assert seeds.derive(5, "batches", 2) == expected


def test_streams_are_apart() -> None:
    made = {
        seeds.derive(seed, role, index)
        for seed in (0, 1)
        for role in ("batches", "chooser")
        for index in (0, 1, 256)
    }
    assert len(made) == 12


def test_generators_repeat() -> None:
    first = torch.rand(3, generator=seeds.generator(1, "weights"))
    assert torch.equal(first, torch.rand(3, generator=seeds.generator(1, "weights")))
    one, two = seeds.numpy_generator(1, "deal"), seeds.numpy_generator(1, "deal")
    assert one.integers(2**40) == two.integers(2**40)
