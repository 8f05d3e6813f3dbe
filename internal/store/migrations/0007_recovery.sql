-- +goose Up
ALTER TABLE totp_authenticator ADD COLUMN initialised BOOLEAN NOT NULL DEFAULT FALSE;

CREATE TABLE mail_otp (
    subscriber_id TEXT   PRIMARY KEY REFERENCES subscriber (id),
    flow_id       TEXT   NOT NULL,
    digest        BYTEA  NOT NULL,
    address       TEXT   NOT NULL,
    tries         BIGINT NOT NULL,
    sent_at       BIGINT NOT NULL,
    expires_at    BIGINT NOT NULL
);

CREATE INDEX mail_otp_expires_at ON mail_otp (expires_at);

CREATE TABLE recovery_flow (
    id            TEXT   PRIMARY KEY,
    browser       BYTEA  NOT NULL,
    subscriber_id TEXT   NOT NULL REFERENCES subscriber (id),
    state         TEXT   NOT NULL,
    address       TEXT   NOT NULL,
    sent_at       BIGINT NOT NULL,
    version       BIGINT NOT NULL,
    expires_at    BIGINT NOT NULL
);

CREATE INDEX recovery_flow_expires_at ON recovery_flow (expires_at);

CREATE TABLE recovery_link (
    subscriber_id TEXT   NOT NULL REFERENCES subscriber (id),
    purpose       TEXT   NOT NULL CHECK (purpose IN ('initialise', 'password')),
    digest        BYTEA  NOT NULL UNIQUE,
    browser       BYTEA  NOT NULL,
    failures      BIGINT NOT NULL,
    expires_at    BIGINT NOT NULL,
    PRIMARY KEY (subscriber_id, purpose)
);

CREATE INDEX recovery_link_expires_at ON recovery_link (expires_at);

CREATE TABLE mail_request (
    subscriber_id TEXT   NOT NULL REFERENCES subscriber (id),
    n             BIGINT NOT NULL,
    at            BIGINT NOT NULL,
    PRIMARY KEY (subscriber_id, n)
);

-- +goose Down
ALTER TABLE totp_authenticator DROP COLUMN initialised;
DROP TABLE mail_request;
DROP TABLE recovery_link;
DROP TABLE recovery_flow;
DROP TABLE mail_otp;
