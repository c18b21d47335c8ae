"""The scheduler: the plan decides, the walk does."""
