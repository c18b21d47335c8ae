-- What goes when a submission is unpinned: it is not kept, and pinned for no other.

CREATE VIEW last_pin AS
SELECT pin.submission_id, version.seq, version.path
FROM pin JOIN version USING (node_id, number)
WHERE
    NOT version.is_kept
    AND NOT EXISTS (
        SELECT TRUE FROM pin AS other
        WHERE
            other.node_id = pin.node_id
            AND other.number = pin.number
            AND other.submission_id <> pin.submission_id
    );

PRAGMA user_version = 8;
