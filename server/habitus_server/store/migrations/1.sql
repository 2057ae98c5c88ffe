-- From version 1 to 2: what happened after a suggestion settled, fixes, decisions, tasks,
-- rejections, and counts that are kept instead of counted.
ALTER TABLE suggestions ADD COLUMN rating INTEGER;
ALTER TABLE suggestions ADD COLUMN rating_word TEXT;
ALTER TABLE suggestions ADD COLUMN rated_at REAL;
ALTER TABLE suggestions ADD COLUMN parse_before INTEGER;
ALTER TABLE suggestions ADD COLUMN parse_after INTEGER;
ALTER TABLE suggestions ADD COLUMN diagnostics_before INTEGER;
ALTER TABLE suggestions ADD COLUMN diagnostics_after INTEGER;
ALTER TABLE suggestions ADD COLUMN moved_to TEXT;
ALTER TABLE patterns ADD COLUMN origin TEXT NOT NULL DEFAULT 'typed';
CREATE INDEX contexts_by_offer ON contexts (offered_at);
CREATE INDEX suggestions_by_settling ON suggestions (settled_at) WHERE settled_at IS NOT NULL;
CREATE INDEX suggestions_by_rating ON suggestions (rated_at) WHERE rated_at IS NOT NULL;
CREATE TABLE landings (
    suggestion_id   TEXT NOT NULL REFERENCES suggestions (id) ON DELETE CASCADE,
    commit_id       TEXT NOT NULL,
    path            TEXT NOT NULL,
    text            TEXT NOT NULL,
    first_line      INTEGER NOT NULL,
    committed_at    REAL NOT NULL,
    undone_by       TEXT,
    undone_at       REAL,
    PRIMARY KEY (suggestion_id, commit_id)
);
CREATE INDEX landings_by_path ON landings (path);
CREATE INDEX landings_open ON landings (committed_at) WHERE undone_by IS NULL;
CREATE TABLE fixes (
    id          TEXT PRIMARY KEY,
    path        TEXT NOT NULL,
    language    TEXT NOT NULL,
    source      TEXT NOT NULL,
    code        TEXT NOT NULL,
    message     TEXT NOT NULL,
    severity    INTEGER NOT NULL,
    prefix      TEXT NOT NULL,
    suffix      TEXT NOT NULL,
    before      TEXT NOT NULL,
    after       TEXT NOT NULL,
    approach    TEXT NOT NULL,
    session     TEXT NOT NULL,
    appeared_at REAL NOT NULL,
    fixed_at    REAL NOT NULL,
    settled_at  REAL NOT NULL,
    recurrences INTEGER NOT NULL,
    effectiveness REAL NOT NULL
);
CREATE INDEX fixes_by_settling ON fixes (settled_at);
CREATE INDEX fixes_by_path ON fixes (path);
CREATE TABLE decisions (
    id          TEXT PRIMARY KEY,
    origin      TEXT NOT NULL,
    path        TEXT,
    title       TEXT NOT NULL,
    problem     TEXT NOT NULL,
    constraints TEXT NOT NULL,
    options     TEXT NOT NULL,
    choice      TEXT NOT NULL,
    reason      TEXT NOT NULL,
    outcome     TEXT NOT NULL,
    decided_at  REAL NOT NULL,
    changed_at  REAL NOT NULL
);
CREATE INDEX decisions_by_change ON decisions (changed_at);
CREATE TABLE tasks (
    id          INTEGER PRIMARY KEY,
    kind        TEXT NOT NULL,
    name        TEXT NOT NULL,
    input       TEXT NOT NULL,
    result      TEXT NOT NULL,
    error       TEXT,
    succeeded   INTEGER,
    started_at  REAL NOT NULL,
    duration_s  REAL NOT NULL,
    window      TEXT NOT NULL
);
CREATE INDEX tasks_by_start ON tasks (started_at);
CREATE TABLE task_files (
    task_id     INTEGER NOT NULL REFERENCES tasks (id) ON DELETE CASCADE,
    path        TEXT NOT NULL,
    passed      INTEGER,
    failed      INTEGER,
    PRIMARY KEY (task_id, path)
);
CREATE INDEX task_files_by_path ON task_files (path);
CREATE TABLE rejections (
    key         TEXT PRIMARY KEY,
    path        TEXT NOT NULL,
    language    TEXT NOT NULL,
    place       TEXT NOT NULL,
    text        TEXT NOT NULL,
    why         TEXT NOT NULL,
    times       INTEGER NOT NULL,
    rejected_at REAL NOT NULL
);
CREATE INDEX rejections_by_path ON rejections (path);
CREATE TABLE tallies (
    name    TEXT PRIMARY KEY,
    count   INTEGER NOT NULL
) WITHOUT ROWID;
INSERT INTO tallies VALUES
    ('suggestions', 0), ('patterns', 0), ('cycles', 0), ('landings', 0), ('fixes', 0),
    ('decisions', 0), ('tasks', 0), ('rejections', 0), ('rated', 0),
    ('offered', 0), ('shown', 0), ('accepted', 0), ('partially_accepted', 0),
    ('typed_through', 0), ('dismissed', 0), ('superseded', 0), ('expired', 0),
    ('kept', 0), ('edited', 0), ('reverted', 0), ('censored', 0);
CREATE TRIGGER suggestions_in AFTER INSERT ON suggestions BEGIN
    UPDATE tallies SET count = count + 1 WHERE name IN ('suggestions', new.state, new.outcome);
    UPDATE tallies SET count = count + 1 WHERE name = 'rated' AND new.rating IS NOT NULL;
END;
CREATE TRIGGER suggestions_out AFTER DELETE ON suggestions BEGIN
    UPDATE tallies SET count = count - 1 WHERE name IN ('suggestions', old.state, old.outcome);
    UPDATE tallies SET count = count - 1 WHERE name = 'rated' AND old.rating IS NOT NULL;
END;
CREATE TRIGGER suggestions_leave AFTER DELETE ON suggestions BEGIN
    DELETE FROM contexts WHERE request_id = old.request_id
        AND NOT EXISTS (SELECT 1 FROM suggestions WHERE request_id = old.request_id);
END;
CREATE TRIGGER suggestions_moved AFTER UPDATE OF state ON suggestions
WHEN old.state <> new.state BEGIN
    UPDATE tallies SET count = count - 1 WHERE name = old.state;
    UPDATE tallies SET count = count + 1 WHERE name = new.state;
END;
CREATE TRIGGER suggestions_settled AFTER UPDATE OF outcome ON suggestions
WHEN old.outcome IS NOT new.outcome BEGIN
    UPDATE tallies SET count = count - 1 WHERE name = old.outcome;
    UPDATE tallies SET count = count + 1 WHERE name = new.outcome;
END;
CREATE TRIGGER suggestions_rated AFTER UPDATE OF rating ON suggestions
WHEN old.rating IS NULL AND new.rating IS NOT NULL BEGIN
    UPDATE tallies SET count = count + 1 WHERE name = 'rated';
END;
CREATE TRIGGER patterns_in AFTER INSERT ON patterns
    BEGIN UPDATE tallies SET count = count + 1 WHERE name = 'patterns'; END;
CREATE TRIGGER patterns_out AFTER DELETE ON patterns
    BEGIN UPDATE tallies SET count = count - 1 WHERE name = 'patterns'; END;
CREATE TRIGGER cycles_in AFTER INSERT ON cycles
    BEGIN UPDATE tallies SET count = count + 1 WHERE name = 'cycles'; END;
CREATE TRIGGER cycles_out AFTER DELETE ON cycles
    BEGIN UPDATE tallies SET count = count - 1 WHERE name = 'cycles'; END;
CREATE TRIGGER landings_in AFTER INSERT ON landings
    BEGIN UPDATE tallies SET count = count + 1 WHERE name = 'landings'; END;
CREATE TRIGGER landings_out AFTER DELETE ON landings
    BEGIN UPDATE tallies SET count = count - 1 WHERE name = 'landings'; END;
CREATE TRIGGER fixes_in AFTER INSERT ON fixes
    BEGIN UPDATE tallies SET count = count + 1 WHERE name = 'fixes'; END;
CREATE TRIGGER fixes_out AFTER DELETE ON fixes
    BEGIN UPDATE tallies SET count = count - 1 WHERE name = 'fixes'; END;
CREATE TRIGGER decisions_in AFTER INSERT ON decisions
    BEGIN UPDATE tallies SET count = count + 1 WHERE name = 'decisions'; END;
CREATE TRIGGER decisions_out AFTER DELETE ON decisions
    BEGIN UPDATE tallies SET count = count - 1 WHERE name = 'decisions'; END;
CREATE TRIGGER tasks_in AFTER INSERT ON tasks
    BEGIN UPDATE tallies SET count = count + 1 WHERE name = 'tasks'; END;
CREATE TRIGGER tasks_out AFTER DELETE ON tasks
    BEGIN UPDATE tallies SET count = count - 1 WHERE name = 'tasks'; END;
CREATE TRIGGER rejections_in AFTER INSERT ON rejections
    BEGIN UPDATE tallies SET count = count + 1 WHERE name = 'rejections'; END;
CREATE TRIGGER rejections_out AFTER DELETE ON rejections
    BEGIN UPDATE tallies SET count = count - 1 WHERE name = 'rejections'; END;
UPDATE tallies SET count = (SELECT count(*) FROM suggestions WHERE state = name)
    + (SELECT count(*) FROM suggestions WHERE outcome = name)
    WHERE name <> 'suggestions';
UPDATE tallies SET count = (SELECT count(*) FROM suggestions) WHERE name = 'suggestions';
UPDATE tallies SET count = (SELECT count(*) FROM patterns) WHERE name = 'patterns';
UPDATE tallies SET count = (SELECT count(*) FROM cycles) WHERE name = 'cycles';
