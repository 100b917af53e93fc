/** Raised with every change of what the tables hold; a run written by another version is refused, never guessed at. */
export const SCHEMA_VERSION = 5;

/** SQLite's application_id of a run ledger: "EvPl". It tells a run from any other database. */
export const APPLICATION_ID = 0x4576506c;

export const SCHEMA = `
CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;

CREATE TABLE generations (
  key TEXT PRIMARY KEY,
  finish_reason TEXT NOT NULL,
  prompt_tokens INTEGER NOT NULL,
  completion_tokens INTEGER NOT NULL,
  created INTEGER NOT NULL,             -- milliseconds since 1970
  text TEXT NOT NULL,                   -- the long columns last: counting never reads their overflow pages
  details TEXT                          -- JSON of the rest: reasoning, cost, log-probabilities; most have none
) STRICT;

CREATE TABLE pairs (
  n INTEGER PRIMARY KEY,                -- reading order = writing order
  id TEXT NOT NULL UNIQUE,
  split TEXT NOT NULL,
  domain TEXT NOT NULL,
  family TEXT NOT NULL,
  instruction TEXT NOT NULL,
  chosen TEXT NOT NULL,
  rejected TEXT NOT NULL,
  provenance TEXT NOT NULL              -- JSON
) STRICT;
CREATE INDEX pairs_split ON pairs (split, n);

CREATE TABLE plans (
  id TEXT NOT NULL,                     -- random: an index on it would touch a page of its own for every row
  pair_id TEXT NOT NULL,
  round INTEGER NOT NULL,
  plan_index INTEGER NOT NULL,
  text TEXT NOT NULL,
  PRIMARY KEY (round, pair_id, plan_index)
) STRICT;

CREATE TABLE thoughts (
  id TEXT NOT NULL,
  pair_id TEXT NOT NULL,
  round INTEGER NOT NULL,
  "order" TEXT NOT NULL,
  plan_index INTEGER NOT NULL,
  execution_index INTEGER NOT NULL,
  verdict TEXT NOT NULL,
  correct INTEGER NOT NULL,
  plan TEXT NOT NULL,                   -- the long columns last, too
  execution TEXT NOT NULL,
  PRIMARY KEY (round, pair_id, plan_index, "order", execution_index)
) STRICT;

CREATE TABLE preferences (
  n INTEGER PRIMARY KEY,
  round INTEGER NOT NULL,
  pair_id TEXT NOT NULL,
  chosen_id TEXT NOT NULL,
  rejected_id TEXT NOT NULL,
  pairing TEXT NOT NULL
) STRICT;
CREATE INDEX preferences_round ON preferences (round, n);

CREATE TABLE steps (
  stage TEXT NOT NULL,
  step INTEGER NOT NULL,
  steps INTEGER NOT NULL,
  loss REAL,                            -- NULL is NaN, which SQLite cannot store
  learning_rate REAL NOT NULL,
  grad_norm REAL,
  tokens INTEGER NOT NULL,
  seconds REAL NOT NULL,
  accuracy REAL,
  margin REAL,
  chosen_logp REAL,
  rejected_logp REAL,
  PRIMARY KEY (stage, step)
) STRICT, WITHOUT ROWID;

CREATE TABLE evaluations (
  stage TEXT NOT NULL,
  split TEXT NOT NULL,
  pair_id TEXT NOT NULL,
  "order" TEXT NOT NULL,
  verdict TEXT NOT NULL,
  correct INTEGER NOT NULL,
  text TEXT NOT NULL,
  plan TEXT,                            -- read from the text
  execution TEXT,
  PRIMARY KEY (stage, split, pair_id, "order")
) STRICT;

CREATE TABLE stages (
  name TEXT PRIMARY KEY,
  position INTEGER,                     -- in the plan; NULL for one that nobody planned
  title TEXT NOT NULL,
  kind TEXT NOT NULL,
  plan TEXT NOT NULL,                   -- JSON
  status TEXT NOT NULL,                 -- planned, running, failed, done
  done INTEGER NOT NULL,
  total INTEGER NOT NULL,
  failed INTEGER NOT NULL,
  seconds REAL NOT NULL,
  tokens INTEGER NOT NULL,              -- written, or trained on
  prompt_tokens INTEGER NOT NULL,
  cost REAL NOT NULL,
  message TEXT,
  result TEXT NOT NULL                  -- JSON
) STRICT;

CREATE TABLE notes (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
`;
