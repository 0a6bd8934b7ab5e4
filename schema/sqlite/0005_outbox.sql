-- Messages to people, written in the transaction that made them necessary and sent until they arrive.

CREATE TABLE outbox (
    tenant        TEXT NOT NULL,
    id            TEXT NOT NULL,
    channel       TEXT NOT NULL CHECK (channel IN ('mail', 'webhook')),
    address       TEXT NOT NULL,
    subject       TEXT NOT NULL,
    body          TEXT NOT NULL,
    about         TEXT NOT NULL, -- "campaign:ID"
    state         TEXT NOT NULL CHECK (state IN ('waiting', 'sent', 'given_up')),
    attempts      INTEGER NOT NULL,
    due_at_ms     BIGINT NOT NULL,
    last_error    TEXT NOT NULL,
    created_at_ms BIGINT NOT NULL,
    updated_at_ms BIGINT NOT NULL,
    PRIMARY KEY (tenant, id)
) WITHOUT ROWID;
CREATE INDEX outbox_by_due ON outbox (due_at_ms) WHERE state = 'waiting';
