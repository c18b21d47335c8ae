-- Scenarios are found by their properties, and listed by their names; their sequences can
-- be changed after they were made.

ALTER TABLE scenario ADD COLUMN sequences TEXT NOT NULL DEFAULT '';

-- As SQLite calls the order of code points.
CREATE COLLATION "BINARY" FROM "C";

CREATE INDEX scenario_by_order_of_names
ON scenario ((substr(coalesce(name, ''), 1, 200) COLLATE "BINARY"), creation_date, seq);

CREATE TABLE property (
    name TEXT NOT NULL,
    value TEXT NOT NULL, -- a text after a quotation mark, a number, true, false, null
    creation_date DOUBLE PRECISION NOT NULL,
    seq BIGINT NOT NULL, -- both of the scenario that has it
    PRIMARY KEY (name, value, creation_date, seq)
);

CREATE INDEX property_by_scenario ON property (seq);

INSERT INTO property (name, value, creation_date, seq)
SELECT name, value, creation_date, seq
FROM (
    SELECT
        part.key AS name,
        CASE json_typeof(part.value)
            WHEN 'string' THEN '"' || (part.value #>> '{}')
            WHEN 'number' THEN regexp_replace(part.value #>> '{}', '^(-?\d{1,15})\.0$', '\1')
            ELSE part.value #>> '{}'
        END AS value,
        scenario.creation_date,
        scenario.seq
    FROM scenario, json_each(
        CASE
            WHEN scenario.pickled IS NULL AND strpos(scenario.properties, '\u0000') = 0
                THEN scenario.properties::JSON
            ELSE '{}'
        END
    ) AS part
    WHERE json_typeof(part.value) NOT IN ('array', 'object')
) AS found
WHERE length(name) <= 200 AND length(value) <= 201;

UPDATE store SET schema_version = 12;
