"""How fast asyncflow is, next to what one would write by hand: see README.md."""
