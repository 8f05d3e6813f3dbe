-- +goose Up
CREATE TABLE subscriber (
    id            TEXT    PRIMARY KEY,
    public_id     TEXT    NOT NULL UNIQUE,
    sps_id        TEXT    NOT NULL UNIQUE,
    display       TEXT    NOT NULL,
    family        TEXT    NOT NULL,
    given         TEXT    NOT NULL,
    family_ja     TEXT    NOT NULL,
    given_ja      TEXT    NOT NULL,
    family_kana   TEXT    NOT NULL,
    given_kana    TEXT    NOT NULL,
    affiliation   TEXT    NOT NULL,
    department    TEXT    NOT NULL,
    department_ja TEXT    NOT NULL,
    groups        TEXT    NOT NULL,
    status        TEXT    NOT NULL CHECK (status IN ('active', 'suspended', 'deleted')),
    role          TEXT    NOT NULL CHECK (role IN ('subscriber', 'agent', 'administrator', 'auditor')),
    privileged    BOOLEAN NOT NULL,
    mailbox       TEXT    NOT NULL,
    language      TEXT    NOT NULL,
    had_factor    BOOLEAN NOT NULL,
    created_at    BIGINT  NOT NULL,
    updated_at    BIGINT  NOT NULL
);

CREATE TABLE password (
    subscriber_id TEXT   PRIMARY KEY REFERENCES subscriber (id),
    hash          TEXT   NOT NULL,
    set_at        BIGINT NOT NULL
);

CREATE TABLE activation_code (
    subscriber_id TEXT   PRIMARY KEY REFERENCES subscriber (id),
    digest        BYTEA  NOT NULL,
    expires_at    BIGINT NOT NULL
);

CREATE TABLE totp_authenticator (
    subscriber_id TEXT   NOT NULL REFERENCES subscriber (id),
    id            TEXT   NOT NULL,
    name          TEXT   NOT NULL,
    secret        BYTEA  NOT NULL,
    state         TEXT   NOT NULL CHECK (state IN ('pending', 'active', 'suspended')),
    last_step     BIGINT NOT NULL,
    bound_by      TEXT   NOT NULL,
    created_at    BIGINT NOT NULL,
    last_used_at  BIGINT NOT NULL,
    PRIMARY KEY (subscriber_id, id)
);

CREATE TABLE notification_address (
    subscriber_id TEXT   NOT NULL REFERENCES subscriber (id),
    address       TEXT   NOT NULL,
    confirmed_at  BIGINT NOT NULL,
    bounced_at    BIGINT NOT NULL,
    PRIMARY KEY (subscriber_id, address)
);

CREATE INDEX notification_address_address ON notification_address (address);

CREATE TABLE throttle (
    account    TEXT   NOT NULL,
    counter    TEXT   NOT NULL,
    failures   BIGINT NOT NULL,
    wait_until BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (account, counter)
);

CREATE INDEX throttle_updated_at ON throttle (updated_at);

CREATE TABLE known_browser (
    subscriber_id TEXT   NOT NULL REFERENCES subscriber (id),
    digest        BYTEA  NOT NULL,
    failures      BIGINT NOT NULL,
    expires_at    BIGINT NOT NULL,
    PRIMARY KEY (subscriber_id, digest)
);

CREATE INDEX known_browser_expires_at ON known_browser (expires_at);

CREATE TABLE signin_flow (
    id            TEXT   PRIMARY KEY,
    browser       BYTEA  NOT NULL,
    subscriber_id TEXT   NOT NULL REFERENCES subscriber (id),
    state         TEXT   NOT NULL,
    request       TEXT   NOT NULL,
    evidence      TEXT   NOT NULL,
    token         BYTEA  NOT NULL,
    rejections    BIGINT NOT NULL,
    version       BIGINT NOT NULL,
    expires_at    BIGINT NOT NULL
);

CREATE INDEX signin_flow_expires_at ON signin_flow (expires_at);

CREATE TABLE session (
    subscriber_id TEXT   NOT NULL REFERENCES subscriber (id),
    id            TEXT   NOT NULL,
    digest        BYTEA  NOT NULL UNIQUE,
    evidence      TEXT   NOT NULL,
    browser       TEXT   NOT NULL,
    address       TEXT   NOT NULL,
    created_at    BIGINT NOT NULL,
    seen_at       BIGINT NOT NULL,
    idle_limit    BIGINT NOT NULL,
    expires_at    BIGINT NOT NULL,
    PRIMARY KEY (subscriber_id, id)
);

CREATE INDEX session_expires_at ON session (expires_at);

CREATE TABLE audit_event (
    id         TEXT   PRIMARY KEY,
    at         BIGINT NOT NULL,
    name       TEXT   NOT NULL,
    subscriber TEXT   NOT NULL,
    body       TEXT   NOT NULL,
    mac        BYTEA  NOT NULL
);

CREATE INDEX audit_event_subscriber ON audit_event (subscriber, at);
CREATE INDEX audit_event_at ON audit_event (at);

-- +goose Down
DROP TABLE audit_event;
DROP TABLE session;
DROP TABLE signin_flow;
DROP TABLE known_browser;
DROP TABLE throttle;
DROP TABLE notification_address;
DROP TABLE totp_authenticator;
DROP TABLE activation_code;
DROP TABLE password;
DROP TABLE subscriber;
