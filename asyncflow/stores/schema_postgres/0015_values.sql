-- Scenarios are found by small values of their data nodes: those of the configs that somebody
-- has searched. Who never does so pays nothing: the triggers are made by the first search.

CREATE TABLE searched (
    config_id TEXT NOT NULL PRIMARY KEY
);

CREATE TABLE findable (
    node_id TEXT NOT NULL PRIMARY KEY,
    config_id TEXT NOT NULL,
    head BYTEA NOT NULL, -- of the value: its first bytes
    creation_date DOUBLE PRECISION NOT NULL,
    seq BIGINT NOT NULL, -- both of the scenario that has it; less than 0 where many do
    owner_id TEXT,
    version BIGINT NOT NULL -- its seq
);

CREATE INDEX findable_by_value ON findable (config_id, head, creation_date, seq);

CREATE INDEX scenario_by_tags ON scenario (
    (rtrim(tags, ']') COLLATE "BINARY"), creation_date, seq
);

-- The index of a key has the order of the database's own language.
CREATE INDEX scenario_by_order_of_ids ON scenario (
    (id COLLATE "BINARY"), creation_date, seq
);
CREATE INDEX scenario_by_order_of_configs ON scenario (
    (config_id COLLATE "BINARY"), creation_date, seq
);

CREATE FUNCTION value_written() RETURNS TRIGGER LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM asyncflow.findable WHERE node_id = NEW.node_id;
    INSERT INTO asyncflow.findable (
        node_id, config_id, head, creation_date, seq, owner_id, version
    )
    SELECT
        data_node.id, data_node.config_id, substr(NEW.value, 1, 256),
        coalesce(scenario.creation_date, 0.0), coalesce(scenario.seq, -data_node.seq),
        data_node.owner_id, NEW.seq
    FROM
        asyncflow.data_node
        JOIN asyncflow.searched ON searched.config_id = data_node.config_id
        LEFT JOIN asyncflow.scenario ON scenario.id = data_node.owner_id
    WHERE data_node.id = NEW.node_id AND NEW.value IS NOT NULL;
    RETURN NULL;
END $$;

CREATE FUNCTION value_dropped() RETURNS TRIGGER LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM asyncflow.findable WHERE node_id = OLD.node_id AND version = OLD.seq;
    RETURN NULL;
END $$;

CREATE FUNCTION value_deleted() RETURNS TRIGGER LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM asyncflow.findable WHERE node_id = OLD.id;
    RETURN NULL;
END $$;

-- Makes the triggers, unless somebody has.
CREATE FUNCTION watch_values() RETURNS VOID LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (
        SELECT FROM pg_trigger
        WHERE tgrelid = 'asyncflow.version'::regclass AND tgname = 'value_written'
    ) THEN
        RETURN;
    END IF;

    CREATE TRIGGER value_written AFTER INSERT ON asyncflow.version FOR EACH ROW
    WHEN (NEW.is_kept) EXECUTE FUNCTION asyncflow.value_written();

    CREATE TRIGGER value_dropped AFTER UPDATE ON asyncflow.version FOR EACH ROW
    WHEN (OLD.is_kept AND NOT NEW.is_kept)
    EXECUTE FUNCTION asyncflow.value_dropped();

    CREATE TRIGGER value_deleted AFTER DELETE ON asyncflow.data_node FOR EACH ROW
    EXECUTE FUNCTION asyncflow.value_deleted();
END $$;

UPDATE store SET schema_version = 15;
