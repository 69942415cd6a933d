-- Columns for what is filtered by; `doc` has the whole row.
CREATE TABLE cdr (
    id       TEXT NOT NULL,
    began    TEXT NOT NULL,
    ended    TEXT NOT NULL,
    answered TEXT,
    node     TEXT NOT NULL,
    direction TEXT NOT NULL,
    from_    TEXT,
    to_      TEXT,
    origin   TEXT NOT NULL,
    route    TEXT NOT NULL,
    status   TEXT NOT NULL,
    reason   TEXT NOT NULL,
    fault    TEXT,
    rang_ms  INTEGER NOT NULL,
    talk_ms  INTEGER NOT NULL,
    cost     REAL,
    doc      TEXT NOT NULL,
    PRIMARY KEY (id, began)
) STRICT;
CREATE INDEX cdr_began ON cdr (began);
CREATE INDEX cdr_ended ON cdr (ended);
