"""Drivers: how each storage type reads and writes a value. One file each."""

BUILT_IN = {
    "pickle": "asyncflow.drivers.pickle:PickleDriver",
    "in_memory": "asyncflow.drivers.in_memory:MemoryDriver",
}
"""The driver of each storage type."""
