"""The plan: what to do, decided from what has happened. Pure."""
