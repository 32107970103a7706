"""`python -m tallyp2p.cli` is `tallyp2p`."""

from .main import main

main()
