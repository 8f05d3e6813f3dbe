-- +goose Up
ALTER TABLE notification_address ADD COLUMN codes_from BIGINT NOT NULL DEFAULT 0;

-- The address that a person has asked to register, until the number is typed in.
CREATE TABLE pending_address (
    subscriber_id TEXT   PRIMARY KEY REFERENCES subscriber (id),
    session_id    TEXT   NOT NULL,
    address       TEXT   NOT NULL,
    digest        BYTEA  NOT NULL,
    tries         BIGINT NOT NULL,
    sent_at       BIGINT NOT NULL,
    expires_at    BIGINT NOT NULL
);

CREATE INDEX pending_address_expires_at ON pending_address (expires_at);

-- Who registers an address writes its row first, so that those who register the
-- same one are counted one after the other.
CREATE TABLE claimed_address (
    address    TEXT   PRIMARY KEY,
    claimed_at BIGINT NOT NULL
);

CREATE INDEX claimed_address_claimed_at ON claimed_address (claimed_at);

CREATE TABLE removed_address (
    subscriber_id TEXT   NOT NULL REFERENCES subscriber (id),
    address       TEXT   NOT NULL,
    removed_at    BIGINT NOT NULL,
    PRIMARY KEY (subscriber_id, address)
);

CREATE INDEX removed_address_removed_at ON removed_address (removed_at);

-- The mailed right to report a change.
CREATE TABLE not_me_token (
    subscriber_id TEXT   NOT NULL REFERENCES subscriber (id),
    digest        BYTEA  NOT NULL UNIQUE,
    kind          TEXT   NOT NULL,
    happened_at   BIGINT NOT NULL,
    expires_at    BIGINT NOT NULL,
    PRIMARY KEY (subscriber_id, digest)
);

CREATE INDEX not_me_token_expires_at ON not_me_token (expires_at);

-- +goose Down
DROP TABLE not_me_token;
DROP TABLE removed_address;
DROP TABLE claimed_address;
DROP TABLE pending_address;
ALTER TABLE notification_address DROP COLUMN codes_from;
