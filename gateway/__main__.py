"""`python -m gateway` is the command `majordomo`."""

from gateway.cli import main

main()
