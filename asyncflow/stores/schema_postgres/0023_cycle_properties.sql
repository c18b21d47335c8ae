-- Cycles have properties of the user's.

ALTER TABLE cycle ADD COLUMN attributes TEXT NOT NULL DEFAULT '';
ALTER TABLE cycle ADD COLUMN revision BIGINT NOT NULL DEFAULT 0;

CREATE FUNCTION tell_properties() RETURNS TRIGGER LANGUAGE plpgsql AS $$
BEGIN
    PERFORM asyncflow.tell_change('UPDATED', NEW.id, 'properties');
    RETURN NULL;
END $$;

CREATE TRIGGER told_properties AFTER UPDATE ON cycle FOR EACH ROW
WHEN (
    current_setting('asyncflow.heard', TRUE) <> ''
    AND OLD.attributes IS DISTINCT FROM NEW.attributes
)
EXECUTE FUNCTION tell_properties();

UPDATE store SET schema_version = 23;
