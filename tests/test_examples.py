"""The examples run as they stand, and do what they promise."""

from __future__ import annotations

import asyncio
import importlib.util
from pathlib import Path

EXAMPLES = Path(__file__).parent.parent / "examples"


def test_peers_of_own_model_learn_classes_that_they_never_saw() -> None:
    spec = importlib.util.spec_from_file_location("own_model", EXAMPLES / "own_model.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    accuracies = asyncio.run(module.main())
    assert len(accuracies) == 4
    assert min(accuracies) > 0.6, accuracies  # alone, two classes of four: at most one half
