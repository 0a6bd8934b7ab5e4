-- Campaigns: one bulk change over many tenants and accounts, planned, told, applied, undone.

CREATE TABLE campaigns (
    id            TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    name          TEXT COLLATE "C" NOT NULL,
    state         TEXT COLLATE "C" NOT NULL,
    selection     TEXT COLLATE "C" NOT NULL,
    rule          TEXT COLLATE "C" NOT NULL,
    due_at_ms     BIGINT NOT NULL,
    created_by    TEXT COLLATE "C" NOT NULL,
    created_at_ms BIGINT NOT NULL,
    updated_at_ms BIGINT NOT NULL,
    version       BIGINT NOT NULL
);

CREATE TABLE campaign_accounts (
    tenant     TEXT COLLATE "C" NOT NULL,
    campaign   TEXT COLLATE "C" NOT NULL REFERENCES campaigns (id),
    account    TEXT COLLATE "C" NOT NULL, -- '' is the tenant itself
    state      TEXT COLLATE "C" NOT NULL,
    reason     TEXT COLLATE "C" NOT NULL,
    rule       TEXT COLLATE "C" NOT NULL,
    updated_at_ms BIGINT NOT NULL,
    PRIMARY KEY (tenant, campaign, account)
);

ALTER TABLE campaign_accounts ENABLE ROW LEVEL SECURITY;
ALTER TABLE campaign_accounts FORCE ROW LEVEL SECURITY;
CREATE POLICY of_tenant ON campaign_accounts USING (
    tenant = (SELECT substr(NULLIF(current_setting('sekisho.tenant', true), ''), 2))
    OR (SELECT current_setting('sekisho.tenant', true) = '*'));
