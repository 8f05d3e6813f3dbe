-- +goose Up
-- subscriber_id is empty for a mail to staff.
CREATE TABLE mail_outbox (
    subscriber_id TEXT   NOT NULL,
    id            TEXT   NOT NULL,
    created_at    BIGINT NOT NULL,
    next_try_at   BIGINT NOT NULL,
    expires_at    BIGINT NOT NULL,
    locked_until  BIGINT NOT NULL,
    tries         BIGINT NOT NULL CHECK (tries >= 0),
    state         TEXT   NOT NULL CHECK (state IN ('queued', 'sent', 'abandoned')),
    ended_at      BIGINT NOT NULL,
    sealed        BYTEA,
    PRIMARY KEY (subscriber_id, id),
    CHECK ((state = 'queued') = (sealed IS NOT NULL))
);

CREATE INDEX mail_outbox_due ON mail_outbox (next_try_at) WHERE state = 'queued';
CREATE INDEX mail_outbox_ended ON mail_outbox (ended_at) WHERE state <> 'queued';

-- +goose Down
DROP TABLE mail_outbox;
