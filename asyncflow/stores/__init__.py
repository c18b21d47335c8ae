"""Stores: where records are kept. One file each."""
