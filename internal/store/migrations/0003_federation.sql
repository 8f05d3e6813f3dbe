-- +goose Up
CREATE TABLE service (
    id         TEXT   PRIMARY KEY,
    protocol   TEXT   NOT NULL,
    definition TEXT   NOT NULL,
    updated_at BIGINT NOT NULL
);

CREATE TABLE pairwise_subject (
    subscriber_id TEXT   NOT NULL REFERENCES subscriber (id),
    sector        TEXT   NOT NULL,
    value         TEXT   NOT NULL,
    created_at    BIGINT NOT NULL,
    PRIMARY KEY (subscriber_id, sector)
);

CREATE UNIQUE INDEX pairwise_subject_value ON pairwise_subject (sector, value);

-- The session has columns of its own, so that its end, whatever its reason,
-- empties them: then the service is to be told.
CREATE TABLE participation (
    subscriber_id      TEXT   NOT NULL REFERENCES subscriber (id),
    sid                TEXT   NOT NULL,
    session_subscriber TEXT,
    session_id         TEXT,
    service_id         TEXT   NOT NULL,
    subject            TEXT   NOT NULL,
    since              BIGINT NOT NULL,
    first_try_at       BIGINT NOT NULL DEFAULT 0,
    next_try_at        BIGINT NOT NULL DEFAULT 0,
    tries              BIGINT NOT NULL DEFAULT 0,
    PRIMARY KEY (subscriber_id, sid),
    FOREIGN KEY (session_subscriber, session_id) REFERENCES session (subscriber_id, id) ON DELETE SET NULL
);

CREATE UNIQUE INDEX participation_session ON participation (session_subscriber, session_id, service_id);
CREATE INDEX participation_ended ON participation (next_try_at) WHERE session_id IS NULL;

-- The end of the session deletes the grant. One with a refresh token has no
-- session any more once that has run out.
CREATE TABLE oidc_grant (
    subscriber_id   TEXT   NOT NULL REFERENCES subscriber (id),
    id              TEXT   NOT NULL,
    session_id      TEXT,
    service_id      TEXT   NOT NULL,
    subject         TEXT   NOT NULL,
    sid             TEXT   NOT NULL,
    scopes          TEXT   NOT NULL,
    claims          TEXT   NOT NULL,
    acr             TEXT   NOT NULL,
    amr             TEXT   NOT NULL,
    auth_time       BIGINT NOT NULL,
    code_digest     BYTEA  NOT NULL,
    redirect_uri    TEXT   NOT NULL,
    challenge       TEXT   NOT NULL,
    nonce           TEXT   NOT NULL,
    code_expires_at BIGINT NOT NULL,
    redeemed_at     BIGINT NOT NULL,
    refresh_digest  BYTEA  NOT NULL,
    created_at      BIGINT NOT NULL,
    expires_at      BIGINT NOT NULL,
    PRIMARY KEY (subscriber_id, id),
    FOREIGN KEY (subscriber_id, session_id) REFERENCES session (subscriber_id, id) ON DELETE CASCADE
);

CREATE INDEX oidc_grant_session ON oidc_grant (subscriber_id, session_id);
CREATE INDEX oidc_grant_expires_at ON oidc_grant (expires_at);

CREATE TABLE client_assertion (
    service_id TEXT   NOT NULL,
    digest     BYTEA  NOT NULL,
    expires_at BIGINT NOT NULL,
    PRIMARY KEY (service_id, digest)
);

CREATE INDEX client_assertion_expires_at ON client_assertion (expires_at);

CREATE TABLE pushed_request (
    service_id TEXT   NOT NULL,
    digest     BYTEA  NOT NULL,
    query      TEXT   NOT NULL,
    expires_at BIGINT NOT NULL,
    PRIMARY KEY (service_id, digest)
);

CREATE INDEX pushed_request_expires_at ON pushed_request (expires_at);

CREATE TABLE signing_key (
    kid          TEXT   PRIMARY KEY,
    algorithm    TEXT   NOT NULL,
    state        TEXT   NOT NULL CHECK (state IN ('next', 'active', 'retired')),
    private      BYTEA  NOT NULL,
    created_at   BIGINT NOT NULL,
    activated_at BIGINT NOT NULL,
    retired_at   BIGINT NOT NULL
);

CREATE UNIQUE INDEX signing_key_next ON signing_key (algorithm) WHERE state = 'next';
CREATE UNIQUE INDEX signing_key_active ON signing_key (algorithm) WHERE state = 'active';

-- +goose Down
DROP TABLE signing_key;
DROP TABLE pushed_request;
DROP TABLE client_assertion;
DROP TABLE oidc_grant;
DROP TABLE participation;
DROP TABLE pairwise_subject;
DROP TABLE service;
