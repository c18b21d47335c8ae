-- What others do with the sequences of a scenario is told, too: see `heed.sequence_changed`
-- in sqlite.sql.

CREATE FUNCTION tell_sequences() RETURNS TRIGGER LANGUAGE plpgsql AS $$
BEGIN
    PERFORM asyncflow.tell_change(
        CASE
            WHEN coalesce(after.value::text, 'null') = 'null' THEN 'DELETED'
            WHEN coalesce(before.value::text, 'null') = 'null' THEN 'CREATED'
            ELSE 'UPDATED'
        END,
        'SEQUENCE_' || key || '_' || NEW.id,
        CASE
            WHEN
                before.value::text IS DISTINCT FROM 'null'
                AND coalesce(after.value::text, 'null') <> 'null'
                THEN 'tasks,properties'
            ELSE ''
        END
    )
    FROM
        json_each(coalesce(nullif(NEW.sequences, ''), '{}')::json) AS after
        FULL JOIN json_each(coalesce(nullif(OLD.sequences, ''), '{}')::json) AS before
            USING (key)
    WHERE after.value::text IS DISTINCT FROM before.value::text;
    RETURN NULL;
END $$;

-- After `told`, as triggers go by their names.
CREATE TRIGGER told_sequences AFTER UPDATE ON scenario FOR EACH ROW
WHEN (
    current_setting('asyncflow.heard', TRUE) <> ''
    AND OLD.sequences IS DISTINCT FROM NEW.sequences
)
EXECUTE FUNCTION tell_sequences();

UPDATE store SET schema_version = 18;
