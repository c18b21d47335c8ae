-- What others commit is told to who listens: by triggers, which work in the transactions
-- of who knows that somebody does (`heed` in postgres.sql).

ALTER TABLE orchestrator ADD COLUMN listens INTEGER NOT NULL DEFAULT 0;

CREATE FUNCTION tell_change(operation TEXT, entity_id TEXT, attributes TEXT)
RETURNS VOID LANGUAGE plpgsql AS $$
DECLARE
    told TEXT := json_build_array(
        current_setting('asyncflow.heard'), extract(EPOCH FROM now()),
        operation, entity_id, attributes
    )::text;
BEGIN
    IF octet_length(told) < 8000 THEN -- more is refused
        PERFORM pg_notify('asyncflow_change', told);
    END IF;
END $$;

-- The arguments of a trigger are columns, each with what it is called.
CREATE FUNCTION tell_row() RETURNS TRIGGER LANGUAGE plpgsql AS $$
DECLARE
    old_row JSONB := CASE WHEN TG_OP = 'INSERT' THEN '{}' ELSE to_jsonb(OLD) END;
    new_row JSONB := CASE WHEN TG_OP = 'DELETE' THEN '{}' ELSE to_jsonb(NEW) END;
    changed TEXT := '';
BEGIN
    IF TG_OP = 'DELETE' THEN
        PERFORM asyncflow.tell_change('DELETED', old_row ->> 'id', '');
        RETURN NULL;
    END IF;

    IF TG_OP = 'INSERT' THEN
        PERFORM asyncflow.tell_change('CREATED', new_row ->> 'id', '');
    END IF;

    IF TG_OP = 'UPDATE' OR TG_TABLE_NAME = 'job' THEN
        FOR place IN 0 .. TG_NARGS / 2 - 1 LOOP
            IF
                old_row -> TG_ARGV[2 * place]
                IS DISTINCT FROM new_row -> TG_ARGV[2 * place]
            THEN
                changed := changed || TG_ARGV[2 * place + 1] || ',';
            END IF;
        END LOOP;
    END IF;

    IF TG_TABLE_NAME = 'data_node' AND TG_OP = 'UPDATE' THEN
        changed := changed || coalesce((
            SELECT string_agg(part.key, ',')
            FROM json_each(coalesce(nullif(new_row ->> 'attributes', ''), '{}')::json)
                AS part
            WHERE
                part.value::text IS DISTINCT FROM (
                    coalesce(nullif(old_row ->> 'attributes', ''), '{}')::json -> part.key
                )::text
        ), '');
    END IF;

    IF changed <> '' THEN
        PERFORM asyncflow.tell_change('UPDATED', new_row ->> 'id', changed);
    END IF;

    IF TG_TABLE_NAME = 'cycle' AND changed <> '' THEN
        PERFORM asyncflow.tell_change('UPDATED', new_row ->> 'primary_id', 'is_primary')
        WHERE new_row ->> 'primary_id' IS NOT NULL;
    END IF;

    RETURN NULL;
END $$;

CREATE FUNCTION tell_version() RETURNS TRIGGER LANGUAGE plpgsql AS $$
BEGIN
    PERFORM asyncflow.tell_change('UPDATED', NEW.node_id, 'last_edit_date,edits');
    RETURN NULL;
END $$;

CREATE TRIGGER told AFTER INSERT OR UPDATE OR DELETE ON scenario FOR EACH ROW
WHEN (current_setting('asyncflow.heard', TRUE) <> '')
EXECUTE FUNCTION tell_row(
    'name', 'name', 'properties', 'properties', 'tags', 'tags', 'sequences', 'sequences'
);

CREATE TRIGGER told AFTER INSERT OR UPDATE OR DELETE ON cycle FOR EACH ROW
WHEN (current_setting('asyncflow.heard', TRUE) <> '')
EXECUTE FUNCTION tell_row('primary_id', 'primary_id');

CREATE TRIGGER told AFTER INSERT OR UPDATE OR DELETE ON data_node FOR EACH ROW
WHEN (current_setting('asyncflow.heard', TRUE) <> '')
EXECUTE FUNCTION tell_row(
    'editor_id', 'editor_id,edit_in_progress',
    'editor_expires', 'editor_expiration_date'
);

CREATE TRIGGER told AFTER INSERT ON version FOR EACH ROW
WHEN (current_setting('asyncflow.heard', TRUE) <> '')
EXECUTE FUNCTION tell_version();

CREATE TRIGGER told AFTER INSERT OR UPDATE OR DELETE ON submission FOR EACH ROW
WHEN (current_setting('asyncflow.heard', TRUE) <> '')
EXECUTE FUNCTION tell_row('status', 'submission_status');

CREATE TRIGGER told AFTER INSERT OR UPDATE OR DELETE ON job FOR EACH ROW
WHEN (current_setting('asyncflow.heard', TRUE) <> '')
EXECUTE FUNCTION tell_row('status', 'status');

UPDATE store SET schema_version = 13;
