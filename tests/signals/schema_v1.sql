-- The signal store, version 1: what was suggested, and what became of it.
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
    changed_at      REAL NOT NULL       -- when this row last changed, for "what is new"
);
CREATE INDEX suggestions_by_change ON suggestions (changed_at);
CREATE INDEX suggestions_by_request ON suggestions (request_id);
CREATE INDEX suggestions_by_path ON suggestions (path);

-- One thing that happened to a suggestion: a state reached, a retention measured.
CREATE TABLE events (
    id              INTEGER PRIMARY KEY,
    suggestion_id   TEXT NOT NULL REFERENCES suggestions (id) ON DELETE CASCADE,
    kind            TEXT NOT NULL,      -- a state's name, or "retained", "saved", …
    at              REAL NOT NULL,
    detail          TEXT NOT NULL       -- a JSON object
);
CREATE INDEX events_by_suggestion ON events (suggestion_id);

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
    settled_at  REAL NOT NULL
);
CREATE INDEX patterns_by_settling ON patterns (settled_at);
CREATE INDEX patterns_by_path ON patterns (path);

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
