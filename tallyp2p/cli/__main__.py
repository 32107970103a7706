"""`python -m tallyp2p.cli` is `tallyp2p`."""

from .main import main

if __name__ == "__main__":  # processes that it starts import it again
    main()
