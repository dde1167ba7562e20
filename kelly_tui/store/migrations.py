"""Tables that came into the catalogue after its first version, and how an older catalogue gets them."""

from __future__ import annotations

import sqlite3

VERSION = 12
"""``PRAGMA user_version`` of the catalogues that this program writes."""

STEP_INDEXES = """
CREATE INDEX steps_session ON steps (session, state, step) WHERE kind = 'edit';
CREATE INDEX steps_target ON steps (target) WHERE target IS NOT NULL;
"""

RUNS = """
-- Each time a stage ran: see `kelly_tui.store.runs`. `details`: what it was asked, with which configuration.
CREATE TABLE IF NOT EXISTS runs (
  run INTEGER PRIMARY KEY,
  stage TEXT NOT NULL,
  pid INTEGER NOT NULL,
  began TEXT NOT NULL,
  ended TEXT,
  how TEXT NOT NULL DEFAULT 'running',
  done INTEGER NOT NULL DEFAULT 0,
  skipped INTEGER NOT NULL DEFAULT 0,
  failed INTEGER NOT NULL DEFAULT 0,
  words TEXT NOT NULL DEFAULT '',
  details TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS runs_stage ON runs (stage, run);
"""

SUGGESTIONS = """
-- What the features suggest: see `kelly_tui.model.suggestion`. No labels: never counted, exported or inherited.
CREATE TABLE IF NOT EXISTS suggestions (
  sample INTEGER PRIMARY KEY REFERENCES samples (rowid) ON DELETE CASCADE,
  emotion TEXT,
  probability REAL,
  valence REAL,
  arousal REAL,
  said TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS suggestions_emotion ON suggestions (emotion);
"""

TRIALS = """
-- Answers of blind listening: see `kelly_tui.model.abx`. The sample may go; what was heard of its recipe stays.
CREATE TABLE IF NOT EXISTS trials (
  trial INTEGER PRIMARY KEY,
  recipe TEXT NOT NULL,
  sample_id TEXT NOT NULL,
  correct INTEGER NOT NULL,
  by TEXT NOT NULL,
  at TEXT NOT NULL
);
"""

FINGERPRINTS = """
-- What imported samples are recognised by: see `kelly_tui.store.pieces`. `piece`: the sample that stands for
-- all that are the same piece, null where there is one alone; right while meta says that the pieces are found.
CREATE TABLE IF NOT EXISTS fingerprints (
  sample INTEGER PRIMARY KEY REFERENCES samples (rowid) ON DELETE CASCADE,
  piece INTEGER,
  sketch BLOB NOT NULL
);
CREATE INDEX IF NOT EXISTS fingerprints_piece ON fingerprints (piece) WHERE piece IS NOT NULL;
CREATE TRIGGER IF NOT EXISTS fingerprint_new AFTER INSERT ON fingerprints BEGIN
  DELETE FROM meta WHERE name = 'pieces';
END;
CREATE TRIGGER IF NOT EXISTS fingerprint_gone AFTER DELETE ON fingerprints BEGIN
  DELETE FROM meta WHERE name = 'pieces';
END;
"""

INTACT = """
-- Files whose hash was right when it was last looked at, as the disk described them then: until they change, none is
-- read again.
CREATE TABLE IF NOT EXISTS intact (
  sample INTEGER PRIMARY KEY REFERENCES samples (rowid) ON DELETE CASCADE,
  mtime_ns INTEGER NOT NULL,
  ctime_ns INTEGER NOT NULL
);
"""

LEGIBLE = """
-- Files of features that could be read to their end, as they looked then: see `kelly_tui.store.feature_files`.
CREATE TABLE IF NOT EXISTS legible (
  sample INTEGER PRIMARY KEY REFERENCES samples (rowid) ON DELETE CASCADE,
  size INTEGER NOT NULL,
  mtime_ns INTEGER NOT NULL
);
"""

FOUND = """
-- What the last validation found: see `kelly_tui.store.found`.
CREATE TABLE IF NOT EXISTS found (
  name TEXT NOT NULL,
  sample INTEGER NOT NULL REFERENCES samples (rowid) ON DELETE CASCADE,
  PRIMARY KEY (name, sample)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS found_sample ON found (sample);
"""

ISSUES = """
-- How likely a label of a sample is wrong: see `kelly_tui.store.issues`. No labels: never counted or exported.
CREATE TABLE IF NOT EXISTS issues (
  sample INTEGER PRIMARY KEY REFERENCES samples (rowid) ON DELETE CASCADE,
  issue REAL NOT NULL,
  field TEXT NOT NULL,
  why TEXT NOT NULL,
  judged TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS issues_issue ON issues (issue);
"""

OPINIONS = """
-- What people said blind: see `kelly_tui.store.opinions`. Those of a step that was undone were not said; those without
-- a step came out of a manifest.
CREATE TABLE IF NOT EXISTS opinions (
  opinion INTEGER PRIMARY KEY,
  step INTEGER REFERENCES steps (step),
  sample_id TEXT NOT NULL,
  field TEXT NOT NULL,
  annotator TEXT NOT NULL,
  round INTEGER NOT NULL,
  value TEXT NOT NULL,
  at TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS opinions_sample ON opinions (sample_id, field);
CREATE INDEX IF NOT EXISTS opinions_step ON opinions (step) WHERE step IS NOT NULL;
"""

ELSEWHERE = """
-- What annotation files of other copies, or of a lost catalogue, tell besides labels: `what` is their key,
-- `said` JSON. See `kelly_tui.store.earlier`.
CREATE TABLE IF NOT EXISTS elsewhere (
  sample INTEGER NOT NULL REFERENCES samples (rowid) ON DELETE CASCADE,
  what TEXT NOT NULL,
  field TEXT NOT NULL,
  said TEXT NOT NULL,
  PRIMARY KEY (sample, what, field, said)
) WITHOUT ROWID;
"""

LATER = RUNS + SUGGESTIONS + TRIALS + FINGERPRINTS + INTACT + LEGIBLE + ELSEWHERE + FOUND + ISSUES + OPINIONS
"""All tables that came later."""

_MADE_AGAIN = """
-- The sound of MIDI is on its song's list: what says so is made again when the catalogue is opened.
DROP INDEX IF EXISTS samples_short;
ALTER TABLE samples DROP COLUMN held;
ALTER TABLE samples DROP COLUMN listed;
"""

_HEARD_AGAIN = """
-- Audio is recognised by its chromagram: what was kept before says nothing beside it, until extract has made it again.
DELETE FROM fingerprints WHERE sample IN (SELECT rowid FROM samples WHERE file_type = 'audio');
"""

_WRITTEN_AGAIN = """
-- Files tell the labels of people that were replaced.
UPDATE samples SET exported_rev = -1 WHERE sample_id IN
  (SELECT sample_id FROM events WHERE old IS NOT NULL AND json_extract(old, '$.source') IS NULL);
"""

MIGRATIONS: dict[int, str] = {
    2: f"ALTER TABLE steps ADD COLUMN session TEXT;\n{STEP_INDEXES}",
    3: RUNS,
    4: SUGGESTIONS,
    5: TRIALS,
    6: FINGERPRINTS,
    7: INTACT,
    8: ISSUES,
    9: _MADE_AGAIN,
    10: OPINIONS,
    11: LEGIBLE + FOUND + _HEARD_AGAIN,
    12: ELSEWHERE + _WRITTEN_AGAIN,
}
"""SQL that leads from the version before to this one."""


def run_script(db: sqlite3.Connection, script: str) -> None:
    """Statement by statement: `executescript` would commit the transaction that this is a part of."""
    statement = ""
    for line in script.splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            db.execute(statement)
            statement = ""
