-- +goose Up
-- What the server has asked of a browser and waits for the answer to. A row is
-- spent by the answer, whatever that says.
CREATE TABLE passkey_ceremony (
    id         TEXT   PRIMARY KEY,
    browser    BYTEA  NOT NULL,
    place      TEXT   NOT NULL,
    ceremony   TEXT   NOT NULL,
    request    TEXT   NOT NULL,
    expires_at BIGINT NOT NULL
);

CREATE INDEX passkey_ceremony_expires_at ON passkey_ceremony (expires_at);

-- +goose Down
DROP TABLE passkey_ceremony;
