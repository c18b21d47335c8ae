-- Where jobs ran: the host and the id of the process.

ALTER TABLE job ADD COLUMN worker TEXT;

PRAGMA user_version = 20;
