"""The fuzzer's own process: it never returns, so `python -m tests.fuzz` starts it apart.

python -m tests.fuzz.guided TARGET ARGUMENTS-OF-LIBFUZZER...
"""

from __future__ import annotations

import sys

if __name__ == "__main__":
    import atheris

    with atheris.instrument_imports(include=["tallyp2p", "msgpack"]):
        from tests.fuzz.targets import TARGETS
    atheris.Setup([sys.argv[0], *sys.argv[2:]], TARGETS[sys.argv[1]])
    atheris.Fuzz()
