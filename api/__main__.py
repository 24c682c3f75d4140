"""Runs the command `vinkki`."""

from api.cli import main

main()
