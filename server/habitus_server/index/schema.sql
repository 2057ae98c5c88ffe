-- A file of the workspace whose pieces are here, as it was when it was read.
CREATE TABLE file (
  id INTEGER PRIMARY KEY,
  path TEXT NOT NULL UNIQUE,
  modified_ns INTEGER NOT NULL,
  size INTEGER NOT NULL
) STRICT;

-- Lines of a file from `line` (from zero) on, redacted.
CREATE TABLE piece (
  id INTEGER PRIMARY KEY,
  file INTEGER NOT NULL REFERENCES file,
  line INTEGER NOT NULL,
  text TEXT NOT NULL
) STRICT;
CREATE INDEX piece_of_file ON piece (file);

-- The words of each piece, by its id. The texts stay in `piece`; positions are not asked.
CREATE VIRTUAL TABLE words USING fts5 (
  piece, content = '', tokenize = "unicode61 remove_diacritics 0 tokenchars '_'"
);

-- What was forgotten and until when it is not read again: a digest, not a name.
CREATE TABLE forgotten (path_digest TEXT PRIMARY KEY, until_ns INTEGER NOT NULL) STRICT;
