"""Configurations as TOML."""
