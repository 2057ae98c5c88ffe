-- The signal store, version 4: what was suggested, and what became of it.
--
-- One database per workspace, opened in WAL mode. Times are seconds since the epoch
-- as the injected clock gives them. Texts are redacted before they arrive and hold "\n"
-- line breaks. Nothing here refers to files by absolute path.

-- What the model saw for one request. Alternatives of a request share a row. Rows whose
-- suggestions all passed by unused (superseded, expired) are deleted after an hour:
-- nearly every keystroke makes one, and nothing is learned from them.
CREATE TABLE contexts (
    request_id  TEXT PRIMARY KEY,
    prefix      TEXT NOT NULL,          -- text before the cursor, its end when too long
    suffix      TEXT NOT NULL,          -- text after the cursor, its start when too long
    offered_at  REAL NOT NULL
);
CREATE INDEX contexts_by_offer ON contexts (offered_at);

-- One candidate as it was offered, with what is known of its fate.
CREATE TABLE suggestions (
    id              TEXT PRIMARY KEY,
    request_id      TEXT NOT NULL,
    rank            INTEGER NOT NULL,   -- place among the alternatives, 0 first
    window          TEXT NOT NULL,      -- the editor window that was offered it
    path            TEXT NOT NULL,      -- POSIX, relative to the workspace root
    language        TEXT NOT NULL,
    model           TEXT NOT NULL,
    adapter         TEXT,               -- version; NULL when base weights answered
    offered_at      REAL NOT NULL,
    text            TEXT NOT NULL,
    logprob         REAL NOT NULL,      -- sum over the tokens, in nats
    token_count     INTEGER NOT NULL,
    state           TEXT NOT NULL,      -- records.State
    evidence        TEXT,               -- records.Evidence; NULL before any reaction
    accepted_text   TEXT,               -- what reached the buffer
    outcome         TEXT,               -- records.Outcome; NULL until settled
    final_text      TEXT,               -- what stood there when it settled
    retained_chars  INTEGER,            -- accepted characters that survived every edit
    settled_at      REAL,
    changed_at      REAL NOT NULL,      -- when this row last changed, for "what is new"
    rating          INTEGER,            -- records.Rating: 1 good, -1 bad; NULL unrated
    rating_word     TEXT,
    rated_at        REAL,
    parse_before    INTEGER,            -- syntax errors around it when offered
    parse_after     INTEGER,            -- and when settled
    diagnostics_before INTEGER,         -- errors and warnings on its lines when offered
    diagnostics_after  INTEGER,         -- and when settled
    moved_to        TEXT,               -- the file that its text went to
    features        TEXT                -- a JSON array (showing.FEATURES); NULL unless asked
);
CREATE INDEX suggestions_by_change ON suggestions (changed_at);
CREATE INDEX suggestions_by_request ON suggestions (request_id);
CREATE INDEX suggestions_by_path ON suggestions (path);
CREATE INDEX suggestions_by_settling ON suggestions (settled_at) WHERE settled_at IS NOT NULL;
CREATE INDEX suggestions_by_rating ON suggestions (rated_at) WHERE rated_at IS NOT NULL;

-- One thing that happened to a suggestion: a state reached, a retention measured.
CREATE TABLE events (
    id              INTEGER PRIMARY KEY,
    suggestion_id   TEXT NOT NULL REFERENCES suggestions (id) ON DELETE CASCADE,
    kind            TEXT NOT NULL,      -- a state's name, or "retained", "saved", …
    at              REAL NOT NULL,
    detail          TEXT NOT NULL       -- a JSON object
);
CREATE INDEX events_by_suggestion ON events (suggestion_id);

-- Accepted text that reached a commit: worth more than text that was only saved.
CREATE TABLE landings (
    suggestion_id   TEXT NOT NULL REFERENCES suggestions (id) ON DELETE CASCADE,
    commit_id       TEXT NOT NULL,
    path            TEXT NOT NULL,
    text            TEXT NOT NULL,      -- the lines as committed
    first_line      INTEGER NOT NULL,   -- 0 first
    committed_at    REAL NOT NULL,
    undone_by       TEXT,               -- the commit that reverted or removed it
    undone_at       REAL,
    PRIMARY KEY (suggestion_id, commit_id)
);
CREATE INDEX landings_by_path ON landings (path);
CREATE INDEX landings_open ON landings (committed_at) WHERE undone_by IS NULL;

-- Code that the developer wrote by hand, once it came to rest.
CREATE TABLE patterns (
    id          TEXT PRIMARY KEY,
    path        TEXT NOT NULL,
    language    TEXT NOT NULL,
    prefix      TEXT NOT NULL,
    suffix      TEXT NOT NULL,
    text        TEXT NOT NULL,
    replaced    TEXT NOT NULL,          -- what stood there before, "" for new code
    session     TEXT NOT NULL,          -- editing session, for clustered statistics
    written_at  REAL NOT NULL,
    settled_at  REAL NOT NULL,
    origin      TEXT NOT NULL DEFAULT 'typed'   -- typed, pasted or commit; never a model's
);
CREATE INDEX patterns_by_settling ON patterns (settled_at);
CREATE INDEX patterns_by_path ON patterns (path);

-- A diagnostic that appeared, was worked on, and went away.
CREATE TABLE fixes (
    id          TEXT PRIMARY KEY,
    path        TEXT NOT NULL,
    language    TEXT NOT NULL,
    source      TEXT NOT NULL,          -- the tool that said it
    code        TEXT NOT NULL,
    message     TEXT NOT NULL,
    severity    INTEGER NOT NULL,       -- as LSP has it: 1 error … 4 hint
    prefix      TEXT NOT NULL,
    suffix      TEXT NOT NULL,
    before      TEXT NOT NULL,          -- the region while it was wrong
    after       TEXT NOT NULL,          -- and once it was right
    approach    TEXT NOT NULL,          -- 'by hand', 'suggestion:<id>', 'code action', 'undo'
    session     TEXT NOT NULL,
    appeared_at REAL NOT NULL,
    fixed_at    REAL NOT NULL,
    settled_at  REAL NOT NULL,
    recurrences INTEGER NOT NULL,
    effectiveness REAL NOT NULL         -- 1 gone and stayed gone … 0 came back
);
CREATE INDEX fixes_by_settling ON fixes (settled_at);
CREATE INDEX fixes_by_path ON fixes (path);

-- A choice that somebody wrote down.
CREATE TABLE decisions (
    id          TEXT PRIMARY KEY,
    origin      TEXT NOT NULL,          -- 'command' or 'adr'
    path        TEXT,                   -- the file it was read from, or is about
    title       TEXT NOT NULL,
    problem     TEXT NOT NULL,
    constraints TEXT NOT NULL,          -- a JSON array of texts
    options     TEXT NOT NULL,          -- a JSON array of texts
    choice      TEXT NOT NULL,
    reason      TEXT NOT NULL,
    outcome     TEXT NOT NULL,          -- how it turned out, "" while unknown
    decided_at  REAL NOT NULL,
    changed_at  REAL NOT NULL
);
CREATE INDEX decisions_by_change ON decisions (changed_at);

-- One thing that ran: a command, a code action, a test run, a save, a commit.
CREATE TABLE tasks (
    id          INTEGER PRIMARY KEY,
    kind        TEXT NOT NULL,          -- records.TaskKind
    name        TEXT NOT NULL,
    input       TEXT NOT NULL,
    result      TEXT NOT NULL,
    error       TEXT,
    succeeded   INTEGER,                -- 0 or 1; NULL unknown
    started_at  REAL NOT NULL,
    duration_s  REAL NOT NULL,
    window      TEXT NOT NULL
);
CREATE INDEX tasks_by_start ON tasks (started_at);

-- A file that a task was about, with its tests' outcomes after a test run.
CREATE TABLE task_files (
    task_id     INTEGER NOT NULL REFERENCES tasks (id) ON DELETE CASCADE,
    path        TEXT NOT NULL,
    passed      INTEGER,
    failed      INTEGER,
    PRIMARY KEY (task_id, path)
);
CREATE INDEX task_files_by_path ON task_files (path);

-- What was turned down, and where; looked at before anything is offered.
CREATE TABLE rejections (
    key         TEXT PRIMARY KEY,       -- digest of the normalised place and text
    path        TEXT NOT NULL,
    language    TEXT NOT NULL,
    place       TEXT NOT NULL,
    text        TEXT NOT NULL,
    why         TEXT NOT NULL,          -- dismissed, reverted or rated
    times       INTEGER NOT NULL,
    rejected_at REAL NOT NULL
);
CREATE INDEX rejections_by_path ON rejections (path);

-- A place where the model answered and nothing was shown; it holds no text and no path.
CREATE TABLE silences (
    window      TEXT NOT NULL,
    adapter     TEXT,                   -- version; NULL when base weights answered
    at          REAL NOT NULL
);
CREATE INDEX silences_by_time ON silences (at);

-- One learning cycle, from its start to its verdict.
CREATE TABLE cycles (
    id          INTEGER PRIMARY KEY,
    started_at  REAL NOT NULL,
    finished_at REAL,
    state       TEXT NOT NULL,          -- records.CycleState
    stage       TEXT NOT NULL,          -- what it is doing now, for the status line
    progress    REAL NOT NULL,          -- 0 to 1
    adapter     TEXT,                   -- the candidate's version, once there is one
    verdict     TEXT NOT NULL,          -- the gate's sentence, "" while running
    figures     TEXT NOT NULL           -- the gate's numbers, a JSON object
);

-- Small facts by name: a requested cycle, the learner's bookmarks.
CREATE TABLE meta (
    key     TEXT PRIMARY KEY,
    value   TEXT NOT NULL
);

-- How many rows there are, kept by the triggers below: counting them takes a second at a
-- million rows. A name is a table's, a records.State, a records.Outcome, or 'rated'.
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
-- A context goes with the last of its alternatives.
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
