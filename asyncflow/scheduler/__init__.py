"""The scheduler: the plan decides, dispatch does."""
