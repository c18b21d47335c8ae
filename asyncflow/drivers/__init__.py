"""Drivers: how each storage type reads and writes a value. One file each."""
