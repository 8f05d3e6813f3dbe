-- +goose Up
ALTER TABLE signin_flow ADD COLUMN step_up BOOLEAN NOT NULL DEFAULT FALSE;
ALTER TABLE signin_flow ADD COLUMN kinds TEXT NOT NULL DEFAULT '[]';
CREATE INDEX signin_flow_subscriber_id ON signin_flow (subscriber_id);
ALTER TABLE subscriber ADD COLUMN recovered_at BIGINT NOT NULL DEFAULT 0;

CREATE TABLE ticket (
    subscriber_id TEXT    PRIMARY KEY REFERENCES subscriber (id),
    id            TEXT    NOT NULL UNIQUE,
    browser       BYTEA   NOT NULL,
    bound_by      TEXT    NOT NULL,
    enrol         BOOLEAN NOT NULL,
    password      BOOLEAN NOT NULL,
    locked        BOOLEAN NOT NULL,
    request       TEXT    NOT NULL,
    expires_at    BIGINT  NOT NULL
);

CREATE INDEX ticket_browser ON ticket (browser);
CREATE INDEX ticket_expires_at ON ticket (expires_at);

CREATE TABLE enrolment_flow (
    id            TEXT   PRIMARY KEY,
    browser       BYTEA  NOT NULL,
    subscriber_id TEXT   NOT NULL REFERENCES subscriber (id),
    state         TEXT   NOT NULL,
    ticket_id     TEXT   NOT NULL UNIQUE,
    totp_id       TEXT   NOT NULL,
    bound_by      TEXT   NOT NULL,
    request       TEXT   NOT NULL,
    rejections    BIGINT NOT NULL,
    version       BIGINT NOT NULL,
    until         BIGINT NOT NULL,
    expires_at    BIGINT NOT NULL
);

CREATE INDEX enrolment_flow_expires_at ON enrolment_flow (expires_at);

-- +goose Down
DROP TABLE enrolment_flow;
DROP TABLE ticket;
ALTER TABLE subscriber DROP COLUMN recovered_at;
DROP INDEX signin_flow_subscriber_id;
ALTER TABLE signin_flow DROP COLUMN kinds;
ALTER TABLE signin_flow DROP COLUMN step_up;
