-- What who writes by hand says of a value is kept with it.

ALTER TABLE version ADD COLUMN facts TEXT;

PRAGMA user_version = 17;
