"""Executors: where jobs run. One file each."""
