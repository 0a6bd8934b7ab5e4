-- Messages to people, written in the transaction that made them necessary and sent until they arrive.

CREATE TABLE outbox (
    tenant        TEXT NOT NULL,
    id            TEXT NOT NULL,
    key           TEXT NOT NULL,
    channel       TEXT NOT NULL CHECK (channel IN ('mail', 'webhook')),
    address       TEXT NOT NULL,
    locale        TEXT NOT NULL,
    subject       TEXT NOT NULL,
    body          TEXT NOT NULL,
    about         TEXT NOT NULL,
    state         TEXT NOT NULL CHECK (state IN ('waiting', 'sending', 'sent', 'given_up')),
    attempts      INTEGER NOT NULL,
    due_at_ms     BIGINT NOT NULL,
    claimed_by    TEXT NOT NULL,
    last_error    TEXT NOT NULL,
    created_at_ms BIGINT NOT NULL,
    updated_at_ms BIGINT NOT NULL,
    PRIMARY KEY (tenant, id)
) WITHOUT ROWID;
CREATE UNIQUE INDEX outbox_once ON outbox (tenant, key);
CREATE INDEX outbox_by_id ON outbox (id);
CREATE INDEX outbox_by_about ON outbox (about, id);
CREATE INDEX outbox_by_due ON outbox (channel, due_at_ms) WHERE state IN ('waiting', 'sending');
CREATE INDEX outbox_by_end ON outbox (updated_at_ms) WHERE state IN ('sent', 'given_up');

ALTER TABLE contacts ADD COLUMN webhook TEXT NOT NULL DEFAULT '';
