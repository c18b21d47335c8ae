"""Fingerprints: what a function does, as a text."""
