"""A learner's whole state as the bytes of one safetensors file, and back.

Tensors lie in the file as tensors.  Everything else, and where in the state each tensor belongs,
is one text of JSON in the file's metadata.  Nothing in it is code: it is neither pickled nor
given to `torch.load`, so a file that somebody laid there can be wrong, but not dangerous.
"""

from __future__ import annotations

import json
import random
import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import safetensors.torch
import torch
from safetensors import SafetensorError
from torch import Tensor

from ..errors import SettingsError

__all__ = ["Memory", "State", "from_bytes", "generators", "restore_generators", "to_bytes"]

_FORMAT = "tallyp2p.state/1"
_KEY = "tallyp2p"
_LONGEST = 1 << 24  # bytes of the header with all JSON; safetensors itself allows 100 MB
_TENSOR, _TUPLE, _ITEMS = "$tensor", "$tuple", "$items"


@dataclass(frozen=True, slots=True)
class State:
    """What comes and goes with a generation, besides the learner's own state."""

    notes: Mapping[str, Any]  # fit for JSON
    ballots: bytes  # see storage.ballots; opaque here


def to_bytes(tree: Any, state: State) -> bytes:
    """A safetensors file of `tree`: tensors, numbers, texts, None, in dicts, lists and tuples."""
    tensors: dict[str, Tensor] = {}
    text = json.dumps(
        {"format": _FORMAT, "notes": dict(state.notes), "tree": _plain(tree, tensors)},
        separators=(",", ":"),
    )
    tensors["ballots"] = torch.tensor(np.frombuffer(state.ballots, dtype=np.uint8).copy())
    return safetensors.torch.save(tensors, metadata={_KEY: text})


def from_bytes(data: bytes) -> tuple[Any, State]:
    """The tree of :func:`to_bytes`.  Raises :class:`ValueError` for anything else."""
    try:
        said = json.loads(_metadata(data)[_KEY])
        if said["format"] != _FORMAT:
            raise ValueError(f"its format is {said['format']!r:.40}")
        tensors = safetensors.torch.load(data)
        ballots = tensors.pop("ballots")
        if ballots.dtype != torch.uint8 or ballots.dim() != 1:
            raise ValueError("its ballots are no bytes")
        return _tree(said["tree"], tensors), State(said["notes"], ballots.numpy().tobytes())
    except (SafetensorError, LookupError, TypeError, AttributeError, RecursionError) as error:
        raise ValueError(f"{type(error).__name__}: {error}") from None


def generators() -> dict[str, Any]:
    """The states of the three global generators, which a person's model or data may draw from."""
    version, words, gauss = random.getstate()
    kind, keys, position, has_gauss, cached = np.random.get_state(legacy=True)
    return {
        "python": (version, torch.tensor(words, dtype=torch.int64), gauss),
        "numpy": (
            str(kind),
            torch.from_numpy(np.asarray(keys).astype(np.int64)),
            int(position),
            int(has_gauss),
            float(cached),
        ),
        "torch": torch.get_rng_state(),
    }


def restore_generators(state: Mapping[str, Any]) -> None:
    """Let the global generators go on from `generators`."""
    version, words, gauss = state["python"]
    random.setstate((version, tuple(words.tolist()), gauss))
    kind, keys, position, has_gauss, cached = state["numpy"]
    np.random.set_state((kind, keys.numpy().astype(np.uint32), position, has_gauss, cached))
    torch.set_rng_state(state["torch"])


@dataclass(frozen=True, slots=True)
class Memory:
    """Freezes a learner with the global generators, and thaws it."""

    snapshot: Callable[[], dict[str, Any]]
    restore: Callable[[dict[str, Any]], None]

    def freeze(self, notes: Mapping[str, Any], ballots: bytes) -> bytes:
        """All that what comes next depends on.  Call it between two calls of the learner."""
        tree = {"learner": self.snapshot(), "generators": generators()}
        return to_bytes(tree, State(notes, ballots))

    def read(self, data: bytes) -> State:
        """What came with the learner's state.  Raises :class:`ValueError`."""
        return from_bytes(data)[1]

    def thaw(self, data: bytes) -> None:
        """Go on from `freeze`, bit for bit.  Raises :class:`SettingsError` where the state is
        that of another learner."""
        try:
            tree, _ = from_bytes(data)
            self.restore(tree["learner"])
            restore_generators(tree["generators"])
        except (ValueError, LookupError, TypeError, RuntimeError, AttributeError) as error:
            reason = str(error).splitlines()[0] if str(error) else type(error).__name__
            raise SettingsError(f"the state does not fit this learner: {reason}") from None


def _metadata(data: bytes) -> Mapping[str, str]:
    """What safetensors gives only of files, not of bytes."""
    if len(data) < 8:
        raise ValueError("it is cut short")
    (size,) = struct.unpack_from("<Q", data)
    if size > min(_LONGEST, len(data) - 8):
        raise ValueError("its header claims more bytes than there are, or than any has")
    header: Mapping[str, Any] = json.loads(data[8 : 8 + size])
    found: Mapping[str, str] = header["__metadata__"]
    return found


def _plain(value: Any, tensors: dict[str, Tensor]) -> Any:
    """`value` as JSON can say it; its tensors are put aside under numbers."""
    if isinstance(value, Tensor):
        name = f"{len(tensors):05d}"
        tensors[name] = value.detach().cpu().contiguous().clone()
        return {_TENSOR: name}
    if isinstance(value, dict):
        if all(isinstance(key, str) and not key.startswith("$") for key in value):
            return {key: _plain(inner, tensors) for key, inner in value.items()}
        return {_ITEMS: [[key, _plain(inner, tensors)] for key, inner in value.items()]}
    if isinstance(value, tuple):
        return {_TUPLE: [_plain(inner, tensors) for inner in value]}
    if isinstance(value, list):
        return [_plain(inner, tensors) for inner in value]
    return value


def _tree(value: Any, tensors: Mapping[str, Tensor]) -> Any:
    if isinstance(value, list):
        return [_tree(inner, tensors) for inner in value]
    if not isinstance(value, dict):
        return value
    if _TENSOR in value:
        return tensors[value[_TENSOR]]
    if _TUPLE in value:
        return tuple(_tree(inner, tensors) for inner in value[_TUPLE])
    if _ITEMS in value:
        return {key: _tree(inner, tensors) for key, inner in value[_ITEMS]}
    return {key: _tree(inner, tensors) for key, inner in value.items()}
