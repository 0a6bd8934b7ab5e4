-- Everything the store keeps; schema/README.md says why for each column.
-- Texts compare by their bytes (BINARY, SQLite's default). Moments are Unix milliseconds, 0: not set.

PRAGMA application_id = 0x534b5348; -- "SKSH": how we know the file for ours

CREATE TABLE sequences (
    name  TEXT NOT NULL PRIMARY KEY,
    value BIGINT NOT NULL
) WITHOUT ROWID;
INSERT INTO sequences (name, value) VALUES ('feed', 0);

CREATE TABLE policies (
    tenant            TEXT NOT NULL PRIMARY KEY, -- '' is the platform
    revision          BIGINT NOT NULL,
    rules_version     BIGINT NOT NULL,
    own_rules_version BIGINT NOT NULL
) WITHOUT ROWID;
INSERT INTO policies (tenant, revision, rules_version, own_rules_version) VALUES ('', 1, 1, 1);

CREATE TABLE tenants (
    id            TEXT NOT NULL PRIMARY KEY REFERENCES policies (tenant),
    name          TEXT NOT NULL,
    profile       TEXT NOT NULL,
    outside_line  TEXT NOT NULL,
    locale        TEXT NOT NULL,
    time_zone     TEXT NOT NULL,
    status        TEXT NOT NULL CHECK (status IN ('active', 'suspended')),
    created_at_ms BIGINT NOT NULL,
    updated_at_ms BIGINT NOT NULL,
    version       BIGINT NOT NULL
) WITHOUT ROWID;

CREATE TABLE contacts (
    tenant   TEXT NOT NULL REFERENCES tenants (id) ON DELETE CASCADE,
    position INTEGER NOT NULL,
    name     TEXT NOT NULL,
    email    TEXT NOT NULL,
    phone    TEXT NOT NULL,
    PRIMARY KEY (tenant, position)
) WITHOUT ROWID;

CREATE TABLE accounts (
    tenant        TEXT NOT NULL REFERENCES tenants (id) ON DELETE CASCADE,
    id            TEXT NOT NULL,
    display_name  TEXT NOT NULL,
    profile       TEXT NOT NULL,
    created_at_ms BIGINT NOT NULL,
    updated_at_ms BIGINT NOT NULL,
    version       BIGINT NOT NULL,
    rules_version BIGINT NOT NULL,
    PRIMARY KEY (tenant, id)
) WITHOUT ROWID;

CREATE TABLE rules (
    tenant        TEXT NOT NULL REFERENCES policies (tenant), -- '' is the platform
    id            TEXT NOT NULL,
    account       TEXT NOT NULL, -- '' is the tenant's own
    target        TEXT NOT NULL,
    is_exact      INTEGER NOT NULL,
    is_locked     INTEGER NOT NULL,
    action        TEXT NOT NULL CHECK (action IN ('allow', 'divert', 'deny')),
    divert_to     TEXT NOT NULL,
    note          TEXT NOT NULL,
    source        TEXT NOT NULL,
    starts_at_ms  BIGINT NOT NULL,
    expires_at_ms BIGINT NOT NULL,
    created_at_ms BIGINT NOT NULL,
    updated_at_ms BIGINT NOT NULL,
    version       BIGINT NOT NULL,
    PRIMARY KEY (tenant, id)
) WITHOUT ROWID;
-- finds what a new rule may collide with; and a second guard that no two undated ones do
CREATE UNIQUE INDEX rules_by_place
    ON rules (tenant, account, target, is_exact, is_locked, starts_at_ms, expires_at_ms);

CREATE TABLE profiles (
    id            TEXT NOT NULL PRIMARY KEY,
    name          TEXT NOT NULL,
    is_default    INTEGER NOT NULL,
    is_builtin    INTEGER NOT NULL,
    created_at_ms BIGINT NOT NULL,
    updated_at_ms BIGINT NOT NULL,
    version       BIGINT NOT NULL
) WITHOUT ROWID;
CREATE UNIQUE INDEX profiles_one_default ON profiles (is_default) WHERE is_default = 1;

CREATE TABLE profile_rules (
    profile   TEXT NOT NULL REFERENCES profiles (id) ON DELETE CASCADE,
    position  INTEGER NOT NULL,
    target    TEXT NOT NULL,
    is_exact  INTEGER NOT NULL,
    action    TEXT NOT NULL CHECK (action IN ('allow', 'divert', 'deny')),
    divert_to TEXT NOT NULL,
    note      TEXT NOT NULL,
    PRIMARY KEY (profile, position)
) WITHOUT ROWID;

INSERT INTO profiles (id, name, is_default, is_builtin, created_at_ms, updated_at_ms, version) VALUES
    ('standard', 'International calls barred', 1, 1, unixepoch() * 1000, unixepoch() * 1000, 1),
    ('open', 'No rules', 0, 1, unixepoch() * 1000, unixepoch() * 1000, 1);
INSERT INTO profile_rules (profile, position, target, is_exact, action, divert_to, note) VALUES
    ('standard', 0, '010', 0, 'deny', '', '');

CREATE TABLE feed (
    tenant   TEXT NOT NULL, -- '' is the platform, or all when there is a jti
    jti      TEXT NOT NULL, -- '' unless a token was revoked
    seq      BIGINT NOT NULL,
    place    INTEGER NOT NULL,
    revision BIGINT NOT NULL,
    PRIMARY KEY (tenant, jti)
) WITHOUT ROWID;
CREATE UNIQUE INDEX feed_by_seq ON feed (seq, place);

CREATE TABLE revocations (
    jti           TEXT NOT NULL PRIMARY KEY,
    note          TEXT NOT NULL,
    revoked_at_ms BIGINT NOT NULL,
    expires_at_ms BIGINT NOT NULL
) WITHOUT ROWID;

CREATE TABLE audit (
    seq        INTEGER PRIMARY KEY,
    tenant     TEXT NOT NULL,
    at_ms      BIGINT NOT NULL,
    subject    TEXT NOT NULL,
    role       TEXT NOT NULL,
    request_id TEXT NOT NULL,
    address    TEXT NOT NULL,
    action     TEXT NOT NULL,
    object     TEXT NOT NULL,
    before     TEXT NOT NULL,
    after      TEXT NOT NULL
);
CREATE INDEX audit_by_tenant ON audit (tenant, seq);

CREATE TABLE idempotency (
    scope         TEXT NOT NULL,
    key           TEXT NOT NULL,
    fingerprint   BIGINT NOT NULL,
    status        INTEGER NOT NULL,
    headers       TEXT NOT NULL,
    body          TEXT NOT NULL,
    created_at_ms BIGINT NOT NULL,
    PRIMARY KEY (scope, key)
) WITHOUT ROWID;
CREATE INDEX idempotency_by_age ON idempotency (created_at_ms);

CREATE TABLE attempts (
    tenant      TEXT NOT NULL, -- as asked; there may be no such tenant
    at_ms       BIGINT NOT NULL,
    decision_id TEXT NOT NULL,
    account     TEXT NOT NULL,
    number      TEXT NOT NULL,
    kind        TEXT NOT NULL,
    country     TEXT NOT NULL,
    action      TEXT NOT NULL,
    reason      TEXT NOT NULL,
    rule_id     TEXT NOT NULL,
    degraded    TEXT NOT NULL,
    origin      TEXT NOT NULL,
    call_id     TEXT NOT NULL,
    source_ip   TEXT NOT NULL,
    revision    BIGINT NOT NULL,
    PRIMARY KEY (tenant, at_ms, decision_id)
) WITHOUT ROWID;
CREATE INDEX attempts_by_account ON attempts (tenant, account, at_ms, decision_id);
CREATE INDEX attempts_by_time ON attempts (at_ms, decision_id);

CREATE TABLE attempt_counts (
    tenant    TEXT NOT NULL,
    account   TEXT NOT NULL,
    minute_ms BIGINT NOT NULL,
    count     BIGINT NOT NULL,
    PRIMARY KEY (tenant, account, minute_ms)
) WITHOUT ROWID;
