"""What opens, runs and closes an orchestrator."""
