-- What scenarios share is listed with the data nodes of every version of an application:
-- by numbers that come before all dates.

CREATE INDEX data_node_shared ON data_node ((CAST(seq AS DOUBLE PRECISION) - 9e15))
WHERE coalesce(owner_id, '') < 'S';

PRAGMA user_version = 23;
