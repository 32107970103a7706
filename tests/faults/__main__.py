"""`python -m tests.faults`: see goals.py."""

from tests.faults.goals import main

if __name__ == "__main__":
    raise SystemExit(main())
