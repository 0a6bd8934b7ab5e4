-- Call history: what a tenant's accounts really called, from the PBXs' call records. Protected by the
-- secrecy of communications: nothing is kept before call_terms says what for and how long.

CREATE TABLE call_terms (
    id            INTEGER NOT NULL PRIMARY KEY CHECK (id = 1), -- one row
    purpose       TEXT COLLATE "C" NOT NULL,
    retention_days INTEGER NOT NULL,
    stated_at_ms  BIGINT NOT NULL,
    stated_by     TEXT COLLATE "C" NOT NULL,
    removed_before_ms BIGINT NOT NULL -- what was older has left its sums
);

CREATE TABLE calls (
    tenant      TEXT COLLATE "C" NOT NULL,
    at_ms       BIGINT NOT NULL,
    id          TEXT COLLATE "C" NOT NULL,
    account     TEXT COLLATE "C" NOT NULL,
    number      TEXT COLLATE "C" NOT NULL,
    kind        TEXT COLLATE "C" NOT NULL,
    country     TEXT COLLATE "C" NOT NULL,
    is_overseas INTEGER NOT NULL,
    seconds     INTEGER NOT NULL,
    disposition TEXT COLLATE "C" NOT NULL,
    source      TEXT COLLATE "C" NOT NULL,
    context     TEXT COLLATE "C" NOT NULL,
    call_id     TEXT COLLATE "C" NOT NULL,
    mark        TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (tenant, at_ms, id)
);
CREATE INDEX calls_by_account ON calls (tenant, account, at_ms);
-- who called abroad is answered from this index alone
CREATE INDEX calls_overseas ON calls (tenant, account, at_ms, mark, disposition)
    WHERE is_overseas = 1;
CREATE INDEX calls_marked ON calls (tenant, mark) WHERE mark <> '';

-- of calls that retention has removed; what is still there is counted from calls itself
CREATE TABLE call_totals (
    tenant      TEXT COLLATE "C" NOT NULL,
    account     TEXT COLLATE "C" NOT NULL,
    country     TEXT COLLATE "C" NOT NULL,
    is_overseas INTEGER NOT NULL,
    mark        TEXT COLLATE "C" NOT NULL, -- of all these calls
    calls       BIGINT NOT NULL,
    answered    BIGINT NOT NULL,
    seconds     BIGINT NOT NULL,
    first_at_ms BIGINT NOT NULL,
    last_at_ms  BIGINT NOT NULL,
    PRIMARY KEY (tenant, account, is_overseas, country, mark)
);

CREATE TABLE call_marks (
    tenant     TEXT COLLATE "C" NOT NULL,
    id         TEXT COLLATE "C" NOT NULL,
    account    TEXT COLLATE "C" NOT NULL,
    country    TEXT COLLATE "C" NOT NULL,
    call_id    TEXT COLLATE "C" NOT NULL,
    from_ms    BIGINT NOT NULL,
    to_ms      BIGINT NOT NULL,
    note       TEXT COLLATE "C" NOT NULL,
    made_by    TEXT COLLATE "C" NOT NULL,
    made_at_ms BIGINT NOT NULL,
    PRIMARY KEY (tenant, id)
);

-- which PBX sent records of which days, so that days without any can be told
CREATE TABLE call_source_days (
    source TEXT COLLATE "C" NOT NULL,
    day    INTEGER NOT NULL,
    calls  BIGINT NOT NULL,
    PRIMARY KEY (source, day)
);

CREATE TABLE call_tenant_sources (
    tenant TEXT COLLATE "C" NOT NULL,
    source TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (tenant, source)
);

-- records that no mapping gave a tenant and account
CREATE TABLE call_unmapped (
    source      TEXT COLLATE "C" NOT NULL,
    reason      TEXT COLLATE "C" NOT NULL,
    value       TEXT COLLATE "C" NOT NULL,
    records     BIGINT NOT NULL,
    first_at_ms BIGINT NOT NULL,
    last_at_ms  BIGINT NOT NULL,
    PRIMARY KEY (source, reason, value)
);

-- how far a growing file has been read, written with the records themselves
CREATE TABLE call_follows (
    source        TEXT COLLATE "C" NOT NULL,
    file          TEXT COLLATE "C" NOT NULL,
    mark          TEXT COLLATE "C" NOT NULL, -- which file had that name then
    position      BIGINT NOT NULL,
    version       BIGINT NOT NULL,
    updated_at_ms BIGINT NOT NULL,
    PRIMARY KEY (source, file)
);

-- what only one node at a time should do
CREATE TABLE leases (
    name     TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    holder   TEXT COLLATE "C" NOT NULL,
    until_ms BIGINT NOT NULL
);

ALTER TABLE calls ENABLE ROW LEVEL SECURITY;
ALTER TABLE calls FORCE ROW LEVEL SECURITY;
CREATE POLICY of_tenant ON calls USING (
    tenant = (SELECT substr(NULLIF(current_setting('sekisho.tenant', true), ''), 2))
    OR (SELECT current_setting('sekisho.tenant', true) = '*'));

ALTER TABLE call_totals ENABLE ROW LEVEL SECURITY;
ALTER TABLE call_totals FORCE ROW LEVEL SECURITY;
CREATE POLICY of_tenant ON call_totals USING (
    tenant = (SELECT substr(NULLIF(current_setting('sekisho.tenant', true), ''), 2))
    OR (SELECT current_setting('sekisho.tenant', true) = '*'));

ALTER TABLE call_marks ENABLE ROW LEVEL SECURITY;
ALTER TABLE call_marks FORCE ROW LEVEL SECURITY;
CREATE POLICY of_tenant ON call_marks USING (
    tenant = (SELECT substr(NULLIF(current_setting('sekisho.tenant', true), ''), 2))
    OR (SELECT current_setting('sekisho.tenant', true) = '*'));

ALTER TABLE call_tenant_sources ENABLE ROW LEVEL SECURITY;
ALTER TABLE call_tenant_sources FORCE ROW LEVEL SECURITY;
CREATE POLICY of_tenant ON call_tenant_sources USING (
    tenant = (SELECT substr(NULLIF(current_setting('sekisho.tenant', true), ''), 2))
    OR (SELECT current_setting('sekisho.tenant', true) = '*'));
