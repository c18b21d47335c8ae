-- Cycles are given names by users: who listens is told of these, too.

CREATE OR REPLACE FUNCTION tell_properties() RETURNS TRIGGER LANGUAGE plpgsql AS $$
BEGIN
    PERFORM asyncflow.tell_change(
        'UPDATED', NEW.id,
        concat_ws(
            ',',
            CASE WHEN OLD.name IS DISTINCT FROM NEW.name THEN 'name' END,
            CASE WHEN OLD.attributes IS DISTINCT FROM NEW.attributes THEN 'properties' END
        )
    );
    RETURN NULL;
END $$;

DROP TRIGGER told_properties ON cycle;

CREATE TRIGGER told_properties AFTER UPDATE ON cycle FOR EACH ROW
WHEN (
    current_setting('asyncflow.heard', TRUE) <> ''
    AND (
        OLD.attributes IS DISTINCT FROM NEW.attributes
        OR OLD.name IS DISTINCT FROM NEW.name
    )
)
EXECUTE FUNCTION tell_properties();

UPDATE store SET schema_version = 26;
