-- Everything the store keeps; schema/README.md says why for each column.
-- Texts compare by their bytes (COLLATE "C"). Moments are Unix milliseconds, 0: not set.
-- Needs nothing but the right to create tables in the first schema of the search_path.

CREATE TABLE sequences (
    name  TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    value BIGINT NOT NULL
);
INSERT INTO sequences (name, value) VALUES ('feed', 0);

CREATE TABLE policies (
    tenant            TEXT COLLATE "C" NOT NULL PRIMARY KEY, -- '' is the platform
    revision          BIGINT NOT NULL,
    rules_version     BIGINT NOT NULL,
    own_rules_version BIGINT NOT NULL
);
INSERT INTO policies (tenant, revision, rules_version, own_rules_version) VALUES ('', 1, 1, 1);

CREATE TABLE tenants (
    id            TEXT COLLATE "C" NOT NULL PRIMARY KEY REFERENCES policies (tenant),
    name          TEXT COLLATE "C" NOT NULL,
    profile       TEXT COLLATE "C" NOT NULL,
    outside_line  TEXT COLLATE "C" NOT NULL,
    locale        TEXT COLLATE "C" NOT NULL,
    time_zone     TEXT COLLATE "C" NOT NULL,
    status        TEXT COLLATE "C" NOT NULL CHECK (status IN ('active', 'suspended')),
    created_at_ms BIGINT NOT NULL,
    updated_at_ms BIGINT NOT NULL,
    version       BIGINT NOT NULL
);

CREATE TABLE contacts (
    tenant   TEXT COLLATE "C" NOT NULL REFERENCES tenants (id) ON DELETE CASCADE,
    position INTEGER NOT NULL,
    name     TEXT COLLATE "C" NOT NULL,
    email    TEXT COLLATE "C" NOT NULL,
    phone    TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (tenant, position)
);

CREATE TABLE accounts (
    tenant        TEXT COLLATE "C" NOT NULL REFERENCES tenants (id) ON DELETE CASCADE,
    id            TEXT COLLATE "C" NOT NULL,
    display_name  TEXT COLLATE "C" NOT NULL,
    profile       TEXT COLLATE "C" NOT NULL,
    created_at_ms BIGINT NOT NULL,
    updated_at_ms BIGINT NOT NULL,
    version       BIGINT NOT NULL,
    rules_version BIGINT NOT NULL,
    PRIMARY KEY (tenant, id)
);

CREATE TABLE rules (
    tenant        TEXT COLLATE "C" NOT NULL REFERENCES policies (tenant), -- '' is the platform
    id            TEXT COLLATE "C" NOT NULL,
    account       TEXT COLLATE "C" NOT NULL, -- '' is the tenant's own
    target        TEXT COLLATE "C" NOT NULL,
    is_exact      INTEGER NOT NULL,
    is_locked     INTEGER NOT NULL,
    action        TEXT COLLATE "C" NOT NULL CHECK (action IN ('allow', 'divert', 'deny')),
    divert_to     TEXT COLLATE "C" NOT NULL,
    note          TEXT COLLATE "C" NOT NULL,
    source        TEXT COLLATE "C" NOT NULL,
    starts_at_ms  BIGINT NOT NULL,
    expires_at_ms BIGINT NOT NULL,
    created_at_ms BIGINT NOT NULL,
    updated_at_ms BIGINT NOT NULL,
    version       BIGINT NOT NULL,
    PRIMARY KEY (tenant, id)
);
-- finds what a new rule may collide with; and a second guard that no two undated ones do
CREATE UNIQUE INDEX rules_by_place
    ON rules (tenant, account, target, is_exact, is_locked, starts_at_ms, expires_at_ms);

CREATE TABLE profiles (
    id            TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    name          TEXT COLLATE "C" NOT NULL,
    is_default    INTEGER NOT NULL,
    is_builtin    INTEGER NOT NULL,
    created_at_ms BIGINT NOT NULL,
    updated_at_ms BIGINT NOT NULL,
    version       BIGINT NOT NULL
);
CREATE UNIQUE INDEX profiles_one_default ON profiles (is_default) WHERE is_default = 1;

CREATE TABLE profile_rules (
    profile   TEXT COLLATE "C" NOT NULL REFERENCES profiles (id) ON DELETE CASCADE,
    position  INTEGER NOT NULL,
    target    TEXT COLLATE "C" NOT NULL,
    is_exact  INTEGER NOT NULL,
    action    TEXT COLLATE "C" NOT NULL CHECK (action IN ('allow', 'divert', 'deny')),
    divert_to TEXT COLLATE "C" NOT NULL,
    note      TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (profile, position)
);

INSERT INTO profiles (id, name, is_default, is_builtin, created_at_ms, updated_at_ms, version) VALUES
    ('standard', 'International calls barred', 1, 1, CAST(extract(epoch FROM now()) * 1000 AS BIGINT), CAST(extract(epoch FROM now()) * 1000 AS BIGINT), 1),
    ('open', 'No rules', 0, 1, CAST(extract(epoch FROM now()) * 1000 AS BIGINT), CAST(extract(epoch FROM now()) * 1000 AS BIGINT), 1);
INSERT INTO profile_rules (profile, position, target, is_exact, action, divert_to, note) VALUES
    ('standard', 0, '010', 0, 'deny', '', '');

CREATE TABLE feed (
    tenant   TEXT COLLATE "C" NOT NULL, -- '' is the platform, or all when there is a jti
    jti      TEXT COLLATE "C" NOT NULL, -- '' unless a token was revoked
    seq      BIGINT NOT NULL,
    place    INTEGER NOT NULL,
    revision BIGINT NOT NULL,
    PRIMARY KEY (tenant, jti)
);
CREATE INDEX feed_by_seq ON feed (seq, place);

CREATE TABLE revocations (
    jti           TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    note          TEXT COLLATE "C" NOT NULL,
    revoked_at_ms BIGINT NOT NULL,
    expires_at_ms BIGINT NOT NULL
);

CREATE TABLE audit (
    tenant     TEXT COLLATE "C" NOT NULL,
    seq        BIGINT NOT NULL GENERATED BY DEFAULT AS IDENTITY,
    at_ms      BIGINT NOT NULL,
    subject    TEXT COLLATE "C" NOT NULL,
    role       TEXT COLLATE "C" NOT NULL,
    request_id TEXT COLLATE "C" NOT NULL,
    address    TEXT COLLATE "C" NOT NULL,
    action     TEXT COLLATE "C" NOT NULL,
    object     TEXT COLLATE "C" NOT NULL,
    before     TEXT COLLATE "C" NOT NULL,
    after      TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (tenant, seq)
);
CREATE INDEX audit_by_seq ON audit (seq);

CREATE TABLE idempotency (
    scope         TEXT COLLATE "C" NOT NULL,
    key           TEXT COLLATE "C" NOT NULL,
    fingerprint   BIGINT NOT NULL,
    status        INTEGER NOT NULL,
    headers       TEXT COLLATE "C" NOT NULL,
    body          TEXT COLLATE "C" NOT NULL,
    created_at_ms BIGINT NOT NULL,
    PRIMARY KEY (scope, key)
);
CREATE INDEX idempotency_by_age ON idempotency (created_at_ms);

CREATE TABLE attempts (
    tenant      TEXT COLLATE "C" NOT NULL, -- as asked; there may be no such tenant
    at_ms       BIGINT NOT NULL,
    decision_id TEXT COLLATE "C" NOT NULL,
    account     TEXT COLLATE "C" NOT NULL,
    number      TEXT COLLATE "C" NOT NULL,
    kind        TEXT COLLATE "C" NOT NULL,
    country     TEXT COLLATE "C" NOT NULL,
    action      TEXT COLLATE "C" NOT NULL,
    reason      TEXT COLLATE "C" NOT NULL,
    rule_id     TEXT COLLATE "C" NOT NULL,
    degraded    TEXT COLLATE "C" NOT NULL,
    origin      TEXT COLLATE "C" NOT NULL,
    call_id     TEXT COLLATE "C" NOT NULL,
    source_ip   TEXT COLLATE "C" NOT NULL,
    revision    BIGINT NOT NULL,
    PRIMARY KEY (tenant, at_ms, decision_id)
);
CREATE INDEX attempts_by_account ON attempts (tenant, account, at_ms, decision_id);
CREATE INDEX attempts_by_time ON attempts (at_ms, decision_id);

CREATE TABLE attempt_counts (
    tenant    TEXT COLLATE "C" NOT NULL,
    account   TEXT COLLATE "C" NOT NULL,
    minute_ms BIGINT NOT NULL,
    count     BIGINT NOT NULL,
    PRIMARY KEY (tenant, account, minute_ms)
);

-- what a connection has committed, so that a commit whose answer was lost can be looked up; one row a
-- connection, rewritten in place
CREATE TABLE commits (
    writer TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    number BIGINT NOT NULL,
    at_ms  BIGINT NOT NULL
) WITH (fillfactor = 50);

-- The second guard: without a word of whose rows are meant (sekisho.tenant, set for each transaction) there
-- are none. '=acme' is one tenant's, '=' the platform's, '*' everybody's. Also for the owner (FORCE). The
-- setting is read once a statement (the inner SELECT), and is '' rather than NULL after its first use.

ALTER TABLE policies ENABLE ROW LEVEL SECURITY;
ALTER TABLE policies FORCE ROW LEVEL SECURITY;
CREATE POLICY of_tenant ON policies USING (
    tenant = (SELECT substr(NULLIF(current_setting('sekisho.tenant', true), ''), 2))
    OR (SELECT current_setting('sekisho.tenant', true) = '*'));

ALTER TABLE tenants ENABLE ROW LEVEL SECURITY;
ALTER TABLE tenants FORCE ROW LEVEL SECURITY;
CREATE POLICY of_tenant ON tenants USING (
    id = (SELECT substr(NULLIF(current_setting('sekisho.tenant', true), ''), 2))
    OR (SELECT current_setting('sekisho.tenant', true) = '*'));

ALTER TABLE contacts ENABLE ROW LEVEL SECURITY;
ALTER TABLE contacts FORCE ROW LEVEL SECURITY;
CREATE POLICY of_tenant ON contacts USING (
    tenant = (SELECT substr(NULLIF(current_setting('sekisho.tenant', true), ''), 2))
    OR (SELECT current_setting('sekisho.tenant', true) = '*'));

ALTER TABLE accounts ENABLE ROW LEVEL SECURITY;
ALTER TABLE accounts FORCE ROW LEVEL SECURITY;
CREATE POLICY of_tenant ON accounts USING (
    tenant = (SELECT substr(NULLIF(current_setting('sekisho.tenant', true), ''), 2))
    OR (SELECT current_setting('sekisho.tenant', true) = '*'));

ALTER TABLE rules ENABLE ROW LEVEL SECURITY;
ALTER TABLE rules FORCE ROW LEVEL SECURITY;
CREATE POLICY of_tenant ON rules USING (
    tenant = (SELECT substr(NULLIF(current_setting('sekisho.tenant', true), ''), 2))
    OR (SELECT current_setting('sekisho.tenant', true) = '*'));

ALTER TABLE feed ENABLE ROW LEVEL SECURITY;
ALTER TABLE feed FORCE ROW LEVEL SECURITY;
CREATE POLICY of_tenant ON feed USING (
    tenant = (SELECT substr(NULLIF(current_setting('sekisho.tenant', true), ''), 2))
    OR (SELECT current_setting('sekisho.tenant', true) = '*'));

ALTER TABLE audit ENABLE ROW LEVEL SECURITY;
ALTER TABLE audit FORCE ROW LEVEL SECURITY;
CREATE POLICY of_tenant ON audit USING (
    tenant = (SELECT substr(NULLIF(current_setting('sekisho.tenant', true), ''), 2))
    OR (SELECT current_setting('sekisho.tenant', true) = '*'));

ALTER TABLE attempts ENABLE ROW LEVEL SECURITY;
ALTER TABLE attempts FORCE ROW LEVEL SECURITY;
CREATE POLICY of_tenant ON attempts USING (
    tenant = (SELECT substr(NULLIF(current_setting('sekisho.tenant', true), ''), 2))
    OR (SELECT current_setting('sekisho.tenant', true) = '*'));

ALTER TABLE attempt_counts ENABLE ROW LEVEL SECURITY;
ALTER TABLE attempt_counts FORCE ROW LEVEL SECURITY;
CREATE POLICY of_tenant ON attempt_counts USING (
    tenant = (SELECT substr(NULLIF(current_setting('sekisho.tenant', true), ''), 2))
    OR (SELECT current_setting('sekisho.tenant', true) = '*'));
