-- Messages to people, written in the transaction that made them necessary and sent until they arrive.

CREATE TABLE outbox (
    tenant        TEXT COLLATE "C" NOT NULL,
    id            TEXT COLLATE "C" NOT NULL,
    key           TEXT COLLATE "C" NOT NULL,
    channel       TEXT COLLATE "C" NOT NULL CHECK (channel IN ('mail', 'webhook')),
    address       TEXT COLLATE "C" NOT NULL,
    locale        TEXT COLLATE "C" NOT NULL,
    subject       TEXT COLLATE "C" NOT NULL,
    body          TEXT COLLATE "C" NOT NULL,
    about         TEXT COLLATE "C" NOT NULL,
    state         TEXT COLLATE "C" NOT NULL CHECK (state IN ('waiting', 'sending', 'sent', 'given_up')),
    attempts      INTEGER NOT NULL,
    due_at_ms     BIGINT NOT NULL,
    claimed_by    TEXT COLLATE "C" NOT NULL,
    last_error    TEXT COLLATE "C" NOT NULL,
    created_at_ms BIGINT NOT NULL,
    updated_at_ms BIGINT NOT NULL,
    PRIMARY KEY (tenant, id)
);
CREATE UNIQUE INDEX outbox_once ON outbox (tenant, key);
CREATE INDEX outbox_by_id ON outbox (id);
CREATE INDEX outbox_by_about ON outbox (about, id);
CREATE INDEX outbox_by_due ON outbox (channel, due_at_ms) WHERE state IN ('waiting', 'sending');
CREATE INDEX outbox_by_end ON outbox (updated_at_ms) WHERE state IN ('sent', 'given_up');

ALTER TABLE contacts ADD COLUMN webhook TEXT COLLATE "C" NOT NULL DEFAULT '';

ALTER TABLE outbox ENABLE ROW LEVEL SECURITY;
ALTER TABLE outbox FORCE ROW LEVEL SECURITY;
CREATE POLICY of_tenant ON outbox USING (
    tenant = (SELECT substr(NULLIF(current_setting('sekisho.tenant', true), ''), 2))
    OR (SELECT current_setting('sekisho.tenant', true) = '*'));
