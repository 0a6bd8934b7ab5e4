-- Campaigns: one bulk change over many tenants and accounts, planned, told, applied, undone.

CREATE TABLE campaigns (
    id            TEXT NOT NULL PRIMARY KEY,
    name          TEXT NOT NULL,
    state         TEXT NOT NULL CHECK (state IN ('planning', 'planned', 'notifying', 'notified', 'applying',
                                                 'applied', 'undoing', 'undone', 'canceled')),
    is_paused     INTEGER NOT NULL,
    is_forced     INTEGER NOT NULL,
    selection     TEXT NOT NULL,
    level         TEXT NOT NULL CHECK (level IN ('tenant', 'account')),
    target        TEXT NOT NULL,
    action        TEXT NOT NULL CHECK (action IN ('allow', 'divert', 'deny')),
    divert_to     TEXT NOT NULL,
    note          TEXT NOT NULL,
    since_ms      BIGINT NOT NULL,
    apply_at_ms   BIGINT NOT NULL,
    grace_ms      BIGINT NOT NULL,
    rate          INTEGER NOT NULL,
    last_error    TEXT NOT NULL,
    -- how far the job is, who has it, and who asked for it
    after_tenant  TEXT NOT NULL,
    after_account TEXT NOT NULL,
    done          BIGINT NOT NULL,
    total         BIGINT NOT NULL,
    run           TEXT NOT NULL,
    run_until_ms  BIGINT NOT NULL,
    subject       TEXT NOT NULL,
    role          TEXT NOT NULL,
    request_id    TEXT NOT NULL,
    address       TEXT NOT NULL,
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
    created_by     TEXT NOT NULL,
    created_at_ms  BIGINT NOT NULL,
    planned_at_ms  BIGINT NOT NULL,
    notified_at_ms BIGINT NOT NULL,
    started_at_ms  BIGINT NOT NULL,
    applied_at_ms  BIGINT NOT NULL,
    undone_at_ms   BIGINT NOT NULL,
    updated_at_ms  BIGINT NOT NULL
) WITHOUT ROWID;

CREATE TABLE campaign_accounts (
    tenant           TEXT NOT NULL,
    campaign         TEXT NOT NULL,
    account          TEXT NOT NULL, -- '' is the tenant itself
    state            TEXT NOT NULL,
    reason           TEXT NOT NULL,
    made_at_ms       BIGINT NOT NULL,
    days_covered     INTEGER NOT NULL,
    days_wanted      INTEGER NOT NULL,
    calls            BIGINT NOT NULL,
    overseas_calls   BIGINT NOT NULL,
    last_overseas_ms BIGINT NOT NULL,
    rule             TEXT NOT NULL,
    replaced         TEXT NOT NULL,
    notified_at_ms   BIGINT NOT NULL,
    applied_at_ms    BIGINT NOT NULL,
    revision         BIGINT NOT NULL,
    undone_at_ms     BIGINT NOT NULL,
    undone_revision  BIGINT NOT NULL,
    PRIMARY KEY (tenant, campaign, account)
) WITHOUT ROWID;

-- rules that a campaign's took the place of, as they were
CREATE TABLE campaign_rules (
    tenant        TEXT NOT NULL,
    campaign      TEXT NOT NULL,
    account       TEXT NOT NULL,
    id            TEXT NOT NULL,
    target        TEXT NOT NULL,
    is_exact      INTEGER NOT NULL,
    is_locked     INTEGER NOT NULL,
    action        TEXT NOT NULL,
    divert_to     TEXT NOT NULL,
    note          TEXT NOT NULL,
    source        TEXT NOT NULL,
    starts_at_ms  BIGINT NOT NULL,
    expires_at_ms BIGINT NOT NULL,
    created_at_ms BIGINT NOT NULL,
    updated_at_ms BIGINT NOT NULL,
    json          TEXT NOT NULL,
    PRIMARY KEY (tenant, campaign, account)
) WITHOUT ROWID;

CREATE TABLE campaign_answers (
    tenant     TEXT NOT NULL,
    campaign   TEXT NOT NULL,
    account    TEXT NOT NULL, -- '' is for all of the tenant's
    answer     TEXT NOT NULL CHECK (answer IN ('leave_open', 'agree')),
    said_by    TEXT NOT NULL,
    via        TEXT NOT NULL,
    address    TEXT NOT NULL,
    said_at_ms BIGINT NOT NULL,
    PRIMARY KEY (tenant, campaign, account)
) WITHOUT ROWID;
