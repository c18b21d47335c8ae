"""The executor of ``standalone`` mode: worker processes."""
