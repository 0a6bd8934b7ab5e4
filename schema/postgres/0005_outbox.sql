-- Messages to people, written in the transaction that made them necessary and sent until they arrive.

CREATE TABLE outbox (
    tenant        TEXT COLLATE "C" NOT NULL,
    id            TEXT COLLATE "C" NOT NULL,
    channel       TEXT COLLATE "C" NOT NULL CHECK (channel IN ('mail', 'webhook')),
    address       TEXT COLLATE "C" NOT NULL,
    subject       TEXT COLLATE "C" NOT NULL,
    body          TEXT COLLATE "C" NOT NULL,
    about         TEXT COLLATE "C" NOT NULL, -- "campaign:ID"
    state         TEXT COLLATE "C" NOT NULL CHECK (state IN ('waiting', 'sent', 'given_up')),
    attempts      INTEGER NOT NULL,
    due_at_ms     BIGINT NOT NULL,
    last_error    TEXT COLLATE "C" NOT NULL,
    created_at_ms BIGINT NOT NULL,
    updated_at_ms BIGINT NOT NULL,
    PRIMARY KEY (tenant, id)
);
CREATE INDEX outbox_by_due ON outbox (due_at_ms) WHERE state = 'waiting';

ALTER TABLE outbox ENABLE ROW LEVEL SECURITY;
ALTER TABLE outbox FORCE ROW LEVEL SECURITY;
CREATE POLICY of_tenant ON outbox USING (
    tenant = (SELECT substr(NULLIF(current_setting('sekisho.tenant', true), ''), 2))
    OR (SELECT current_setting('sekisho.tenant', true) = '*'));
