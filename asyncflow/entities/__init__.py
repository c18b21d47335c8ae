"""Entities: what scenarios, tasks, data nodes, jobs and submissions are."""
