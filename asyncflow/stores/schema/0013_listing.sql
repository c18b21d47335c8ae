-- Scenarios are found by their properties, and listed by their names; their sequences can
-- be changed after they were made.

ALTER TABLE scenario ADD COLUMN sequences TEXT NOT NULL DEFAULT '';

CREATE INDEX scenario_by_order_of_names
ON scenario (substr(coalesce(name, ''), 1, 200), creation_date);

CREATE TABLE property (
    name TEXT NOT NULL,
    value TEXT NOT NULL, -- a text after a quotation mark, a number, true, false, null
    creation_date REAL NOT NULL,
    seq INTEGER NOT NULL, -- both of the scenario that has it
    PRIMARY KEY (name, value, creation_date, seq)
) WITHOUT ROWID;

CREATE INDEX property_by_scenario ON property (seq);

INSERT INTO property (name, value, creation_date, seq)
SELECT name, value, creation_date, seq
FROM (
    SELECT
        part.key AS name,
        CASE
            WHEN part.type = 'text' THEN '"' || part.atom
            WHEN part.type IN ('true', 'false', 'null') THEN part.type
            WHEN part.type = 'integer' THEN CAST(part.atom AS TEXT)
            WHEN part.atom = CAST(part.atom AS INTEGER) AND abs(part.atom) < 1e15
                THEN CAST(CAST(part.atom AS INTEGER) AS TEXT)
            ELSE CAST(part.atom AS TEXT)
        END AS value,
        scenario.creation_date,
        scenario.seq
    FROM scenario, json_each(
        CASE WHEN json_valid(scenario.properties) THEN scenario.properties ELSE '{}' END
    ) AS part
    WHERE part.key IS NOT NULL AND part.type NOT IN ('array', 'object')
)
WHERE length(name) <= 200 AND length(value) <= 201;

PRAGMA user_version = 13;
