-- +goose Up
ALTER TABLE subscriber ADD COLUMN telephone TEXT NOT NULL DEFAULT '';
ALTER TABLE removed_address ADD COLUMN confirmed_at BIGINT NOT NULL DEFAULT 0;

CREATE TABLE desk_case (
    no            BIGINT  PRIMARY KEY,
    subscriber_id TEXT    NOT NULL REFERENCES subscriber (id),
    kind          TEXT    NOT NULL CHECK (kind IN ('signin', 'initialise', 'first', 'report')),
    cause         TEXT    NOT NULL,
    state         TEXT    NOT NULL,
    number        TEXT    NOT NULL,
    flow_id       TEXT    NOT NULL,
    browser       BYTEA   NOT NULL,
    device        TEXT    NOT NULL,
    address       TEXT    NOT NULL,
    campus        BOOLEAN NOT NULL,
    agent_id      TEXT    NOT NULL,
    agent_at      BIGINT  NOT NULL,
    checks        TEXT    NOT NULL,
    reason        TEXT    NOT NULL,
    password_too  BOOLEAN NOT NULL,
    phone_shown   BOOLEAN NOT NULL,
    first_id      TEXT    NOT NULL,
    first_at      BIGINT  NOT NULL,
    decided_id    TEXT    NOT NULL,
    decided_at    BIGINT  NOT NULL,
    refusal       TEXT    NOT NULL,
    shown_at      BIGINT  NOT NULL,
    outside_hours BOOLEAN NOT NULL,
    check_call    BOOLEAN NOT NULL,
    opened_at     BIGINT  NOT NULL,
    seen_at       BIGINT  NOT NULL,
    ended_at      BIGINT  NOT NULL,
    expires_at    BIGINT  NOT NULL,
    version       BIGINT  NOT NULL
);

-- The number that a caller reads out names one case only.
CREATE UNIQUE INDEX desk_case_number ON desk_case (number) WHERE number <> '';
CREATE INDEX desk_case_flow ON desk_case (flow_id, no);
CREATE INDEX desk_case_subscriber ON desk_case (subscriber_id, opened_at);
CREATE INDEX desk_case_open ON desk_case (opened_at) WHERE ended_at = 0;
CREATE INDEX desk_case_opened ON desk_case (opened_at);
CREATE INDEX desk_case_decided ON desk_case (decided_id, decided_at) WHERE decided_id <> '';

CREATE INDEX recovery_flow_subscriber_id ON recovery_flow (subscriber_id);
CREATE INDEX subscriber_recovered_at ON subscriber (recovered_at) WHERE recovered_at > 0;

-- Wrong entries at the desk: of an agent, and for an SPS-ID (its HMAC).
CREATE TABLE desk_entry (
    name       TEXT   PRIMARY KEY,
    wrong      BIGINT NOT NULL,
    since      BIGINT NOT NULL,
    stopped_at BIGINT NOT NULL
);

CREATE INDEX desk_entry_stopped ON desk_entry (stopped_at) WHERE stopped_at > 0;

-- +goose Down
DROP TABLE desk_entry;
DROP TABLE desk_case;
DROP INDEX subscriber_recovered_at;
DROP INDEX recovery_flow_subscriber_id;
ALTER TABLE removed_address DROP COLUMN confirmed_at;
ALTER TABLE subscriber DROP COLUMN telephone;
