-- Call history: what a tenant's accounts really called, from the PBXs' call records. Protected by the
-- secrecy of communications: nothing is kept before call_terms says what for and how long.

CREATE TABLE call_terms (
    id            INTEGER NOT NULL PRIMARY KEY CHECK (id = 1), -- one row
    purpose       TEXT NOT NULL,
    retention_days INTEGER NOT NULL,
    stated_at_ms  BIGINT NOT NULL,
    stated_by     TEXT NOT NULL,
    removed_before_ms BIGINT NOT NULL -- what was older has left its sums
) WITHOUT ROWID;

CREATE TABLE calls (
    tenant      TEXT NOT NULL,
    at_ms       BIGINT NOT NULL,
    id          TEXT NOT NULL,
    account     TEXT NOT NULL,
    number      TEXT NOT NULL,
    kind        TEXT NOT NULL,
    country     TEXT NOT NULL,
    is_overseas INTEGER NOT NULL,
    seconds     INTEGER NOT NULL,
    disposition TEXT NOT NULL,
    source      TEXT NOT NULL,
    context     TEXT NOT NULL,
    call_id     TEXT NOT NULL,
    mark        TEXT NOT NULL,
    PRIMARY KEY (tenant, at_ms, id)
) WITHOUT ROWID;
CREATE INDEX calls_by_account ON calls (tenant, account, at_ms);
-- who called abroad is answered from this index alone
CREATE INDEX calls_overseas ON calls (tenant, account, at_ms, mark, disposition)
    WHERE is_overseas = 1;
CREATE INDEX calls_marked ON calls (tenant, mark) WHERE mark <> '';

-- of calls that retention has removed; what is still there is counted from calls itself
CREATE TABLE call_totals (
    tenant      TEXT NOT NULL,
    account     TEXT NOT NULL,
    country     TEXT NOT NULL,
    is_overseas INTEGER NOT NULL,
    mark        TEXT NOT NULL, -- of all these calls
    calls       BIGINT NOT NULL,
    answered    BIGINT NOT NULL,
    seconds     BIGINT NOT NULL,
    first_at_ms BIGINT NOT NULL,
    last_at_ms  BIGINT NOT NULL,
    PRIMARY KEY (tenant, account, is_overseas, country, mark)
) WITHOUT ROWID;

CREATE TABLE call_marks (
    tenant     TEXT NOT NULL,
    id         TEXT NOT NULL,
    account    TEXT NOT NULL,
    country    TEXT NOT NULL,
    call_id    TEXT NOT NULL,
    from_ms    BIGINT NOT NULL,
    to_ms      BIGINT NOT NULL,
    note       TEXT NOT NULL,
    made_by    TEXT NOT NULL,
    made_at_ms BIGINT NOT NULL,
    PRIMARY KEY (tenant, id)
) WITHOUT ROWID;

-- which PBX sent records of which days, so that days without any can be told
CREATE TABLE call_source_days (
    source TEXT NOT NULL,
    day    INTEGER NOT NULL,
    calls  BIGINT NOT NULL,
    PRIMARY KEY (source, day)
) WITHOUT ROWID;

CREATE TABLE call_tenant_sources (
    tenant TEXT NOT NULL,
    source TEXT NOT NULL,
    PRIMARY KEY (tenant, source)
) WITHOUT ROWID;

-- records that no mapping gave a tenant and account
CREATE TABLE call_unmapped (
    source      TEXT NOT NULL,
    reason      TEXT NOT NULL,
    value       TEXT NOT NULL,
    records     BIGINT NOT NULL,
    first_at_ms BIGINT NOT NULL,
    last_at_ms  BIGINT NOT NULL,
    PRIMARY KEY (source, reason, value)
) WITHOUT ROWID;

-- how far a growing file has been read, written with the records themselves
CREATE TABLE call_follows (
    source        TEXT NOT NULL,
    file          TEXT NOT NULL,
    mark          TEXT NOT NULL, -- which file had that name then
    position      BIGINT NOT NULL,
    version       BIGINT NOT NULL,
    updated_at_ms BIGINT NOT NULL,
    PRIMARY KEY (source, file)
) WITHOUT ROWID;

-- what only one node at a time should do
CREATE TABLE leases (
    name     TEXT NOT NULL PRIMARY KEY,
    holder   TEXT NOT NULL,
    until_ms BIGINT NOT NULL
) WITHOUT ROWID;
