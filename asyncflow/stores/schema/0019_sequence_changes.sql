-- What others do with sequences is told, too: by triggers, which here are made anew in each
-- connection (`heed` in sqlite.sql).

PRAGMA user_version = 19;
