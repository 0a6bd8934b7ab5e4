-- Campaigns: one bulk change over many tenants and accounts, planned, told, applied, undone.

CREATE TABLE campaigns (
    id            TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    name          TEXT COLLATE "C" NOT NULL,
    state         TEXT COLLATE "C" NOT NULL CHECK (state IN ('planning', 'planned', 'notifying', 'notified', 'applying',
                                                 'applied', 'undoing', 'undone', 'canceled')),
    is_paused     INTEGER NOT NULL,
    is_forced     INTEGER NOT NULL,
    selection     TEXT COLLATE "C" NOT NULL,
    level         TEXT COLLATE "C" NOT NULL CHECK (level IN ('tenant', 'account')),
    target        TEXT COLLATE "C" NOT NULL,
    action        TEXT COLLATE "C" NOT NULL CHECK (action IN ('allow', 'divert', 'deny')),
    divert_to     TEXT COLLATE "C" NOT NULL,
    note          TEXT COLLATE "C" NOT NULL,
    since_ms      BIGINT NOT NULL,
    apply_at_ms   BIGINT NOT NULL,
    grace_ms      BIGINT NOT NULL,
    rate          INTEGER NOT NULL,
    last_error    TEXT COLLATE "C" NOT NULL,
    -- how far the job is, who has it, and who asked for it
    after_tenant  TEXT COLLATE "C" NOT NULL,
    after_account TEXT COLLATE "C" NOT NULL,
    done          BIGINT NOT NULL,
    total         BIGINT NOT NULL,
    run           TEXT COLLATE "C" NOT NULL,
    run_until_ms  BIGINT NOT NULL,
    subject       TEXT COLLATE "C" NOT NULL,
    role          TEXT COLLATE "C" NOT NULL,
    request_id    TEXT COLLATE "C" NOT NULL,
    address       TEXT COLLATE "C" NOT NULL,
    -- how many accounts are in which state
    count_out      BIGINT NOT NULL,
    count_planned  BIGINT NOT NULL,
    count_notified BIGINT NOT NULL,
    count_answered BIGINT NOT NULL,
    count_skipped  BIGINT NOT NULL,
    count_failed   BIGINT NOT NULL,
    count_applied  BIGINT NOT NULL,
    count_undone   BIGINT NOT NULL,
    count_kept     BIGINT NOT NULL,
    created_by     TEXT COLLATE "C" NOT NULL,
    created_at_ms  BIGINT NOT NULL,
    planned_at_ms  BIGINT NOT NULL,
    notified_at_ms BIGINT NOT NULL,
    started_at_ms  BIGINT NOT NULL,
    applied_at_ms  BIGINT NOT NULL,
    undone_at_ms   BIGINT NOT NULL,
    updated_at_ms  BIGINT NOT NULL
);

CREATE TABLE campaign_accounts (
    tenant           TEXT COLLATE "C" NOT NULL,
    campaign         TEXT COLLATE "C" NOT NULL,
    account          TEXT COLLATE "C" NOT NULL, -- '' is the tenant itself
    state            TEXT COLLATE "C" NOT NULL,
    reason           TEXT COLLATE "C" NOT NULL,
    made_at_ms       BIGINT NOT NULL,
    days_covered     INTEGER NOT NULL,
    days_wanted      INTEGER NOT NULL,
    calls            BIGINT NOT NULL,
    overseas_calls   BIGINT NOT NULL,
    last_overseas_ms BIGINT NOT NULL,
    rule             TEXT COLLATE "C" NOT NULL,
    replaced         TEXT COLLATE "C" NOT NULL,
    notified_at_ms   BIGINT NOT NULL,
    applied_at_ms    BIGINT NOT NULL,
    revision         BIGINT NOT NULL,
    undone_at_ms     BIGINT NOT NULL,
    undone_revision  BIGINT NOT NULL,
    PRIMARY KEY (tenant, campaign, account)
) WITH (fillfactor = 70); -- each row is written anew a few times
-- the order in which jobs go through a campaign; before the table's first ANALYZE the key is not taken for it
CREATE INDEX campaign_accounts_in_order ON campaign_accounts (campaign, tenant, account);

-- rules that a campaign's took the place of, as they were
CREATE TABLE campaign_rules (
    tenant        TEXT COLLATE "C" NOT NULL,
    campaign      TEXT COLLATE "C" NOT NULL,
    account       TEXT COLLATE "C" NOT NULL,
    id            TEXT COLLATE "C" NOT NULL,
    target        TEXT COLLATE "C" NOT NULL,
    is_exact      INTEGER NOT NULL,
    is_locked     INTEGER NOT NULL,
    action        TEXT COLLATE "C" NOT NULL,
    divert_to     TEXT COLLATE "C" NOT NULL,
    note          TEXT COLLATE "C" NOT NULL,
    source        TEXT COLLATE "C" NOT NULL,
    starts_at_ms  BIGINT NOT NULL,
    expires_at_ms BIGINT NOT NULL,
    created_at_ms BIGINT NOT NULL,
    updated_at_ms BIGINT NOT NULL,
    json          TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (tenant, campaign, account)
);

CREATE TABLE campaign_answers (
    tenant     TEXT COLLATE "C" NOT NULL,
    campaign   TEXT COLLATE "C" NOT NULL,
    account    TEXT COLLATE "C" NOT NULL, -- '' is for all of the tenant's
    answer     TEXT COLLATE "C" NOT NULL CHECK (answer IN ('leave_open', 'agree')),
    said_by    TEXT COLLATE "C" NOT NULL,
    via        TEXT COLLATE "C" NOT NULL,
    address    TEXT COLLATE "C" NOT NULL,
    said_at_ms BIGINT NOT NULL,
    PRIMARY KEY (tenant, campaign, account)
);

ALTER TABLE campaign_accounts ENABLE ROW LEVEL SECURITY;
ALTER TABLE campaign_accounts FORCE ROW LEVEL SECURITY;
CREATE POLICY of_tenant ON campaign_accounts USING (
    tenant = (SELECT substr(NULLIF(current_setting('sekisho.tenant', true), ''), 2))
    OR (SELECT current_setting('sekisho.tenant', true) = '*'));

ALTER TABLE campaign_rules ENABLE ROW LEVEL SECURITY;
ALTER TABLE campaign_rules FORCE ROW LEVEL SECURITY;
CREATE POLICY of_tenant ON campaign_rules USING (
    tenant = (SELECT substr(NULLIF(current_setting('sekisho.tenant', true), ''), 2))
    OR (SELECT current_setting('sekisho.tenant', true) = '*'));

ALTER TABLE campaign_answers ENABLE ROW LEVEL SECURITY;
ALTER TABLE campaign_answers FORCE ROW LEVEL SECURITY;
CREATE POLICY of_tenant ON campaign_answers USING (
    tenant = (SELECT substr(NULLIF(current_setting('sekisho.tenant', true), ''), 2))
    OR (SELECT current_setting('sekisho.tenant', true) = '*'));
