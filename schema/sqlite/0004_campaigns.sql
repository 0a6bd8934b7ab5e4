-- Campaigns: one bulk change over many tenants and accounts, planned, told, applied, undone.

CREATE TABLE campaigns (
    id            TEXT NOT NULL PRIMARY KEY,
    name          TEXT NOT NULL,
    state         TEXT NOT NULL,
    selection     TEXT NOT NULL,
    rule          TEXT NOT NULL,
    due_at_ms     BIGINT NOT NULL,
    created_by    TEXT NOT NULL,
    created_at_ms BIGINT NOT NULL,
    updated_at_ms BIGINT NOT NULL,
    version       BIGINT NOT NULL
) WITHOUT ROWID;

CREATE TABLE campaign_accounts (
    tenant     TEXT NOT NULL,
    campaign   TEXT NOT NULL REFERENCES campaigns (id),
    account    TEXT NOT NULL, -- '' is the tenant itself
    state      TEXT NOT NULL,
    reason     TEXT NOT NULL,
    rule       TEXT NOT NULL,
    updated_at_ms BIGINT NOT NULL,
    PRIMARY KEY (tenant, campaign, account)
) WITHOUT ROWID;
