-- From version 3 to 4: answers of which nothing was shown.
CREATE TABLE silences (
    window      TEXT NOT NULL,
    adapter     TEXT,                   -- version; NULL when base weights answered
    at          REAL NOT NULL
);
CREATE INDEX silences_by_time ON silences (at);
