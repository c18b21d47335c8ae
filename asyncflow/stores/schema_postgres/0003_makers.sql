-- Which orchestrators may have left files of values.

CREATE TABLE maker (
    id TEXT NOT NULL PRIMARY KEY -- of an orchestrator, with which names of files begin
);

INSERT INTO maker
SELECT DISTINCT split_part(path, '-', 1) FROM version WHERE strpos(path, '-') > 0;

INSERT INTO maker SELECT id FROM orchestrator ON CONFLICT (id) DO NOTHING;

UPDATE store SET schema_version = 3;
