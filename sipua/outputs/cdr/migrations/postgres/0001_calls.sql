-- Columns for what is filtered by; `doc` has the whole row.
CREATE TABLE sipua_cdr (
    id        text NOT NULL,
    began     timestamptz NOT NULL,
    ended     timestamptz NOT NULL,
    answered  timestamptz,
    node      text NOT NULL,
    direction text NOT NULL,
    "from"    text,
    "to"      text,
    origin    text NOT NULL,
    route     text NOT NULL,
    status    text NOT NULL,
    reason    text NOT NULL,
    fault     text,
    rang_ms   bigint NOT NULL,
    talk_ms   bigint NOT NULL,
    cost      double precision,
    doc       jsonb NOT NULL,
    PRIMARY KEY (id, began)
);
CREATE INDEX sipua_cdr_began ON sipua_cdr (began);
CREATE INDEX sipua_cdr_ended ON sipua_cdr (ended);
