"""Versions of data nodes, edits by hand, and whether others write too."""
