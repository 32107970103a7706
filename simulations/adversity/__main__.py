"""`python -m simulations.adversity`: see full.py."""

from simulations.adversity.full import main

if __name__ == "__main__":  # processes that it starts import it again
    raise SystemExit(main())
