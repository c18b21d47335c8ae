"""Runs of dead orchestrators are taken over; those of others watched."""
