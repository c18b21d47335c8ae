"""Runs: the state of each, which the engine writes and handles read."""
