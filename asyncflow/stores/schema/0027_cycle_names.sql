-- Cycles are given names by users. Nothing else is to be done here: who listens has triggers
-- of its own.

PRAGMA user_version = 27;
