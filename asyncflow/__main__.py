"""``python -m asyncflow``."""

from asyncflow.cli import main

main()
