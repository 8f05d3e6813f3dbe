-- +goose Up
CREATE TABLE passkey (
    subscriber_id   TEXT    NOT NULL REFERENCES subscriber (id),
    id              BYTEA   NOT NULL UNIQUE,
    user_handle     BYTEA   NOT NULL,
    name            TEXT    NOT NULL,
    public_key      BYTEA   NOT NULL,
    sign_count      BIGINT  NOT NULL,
    user_verified   BOOLEAN NOT NULL,
    backup_eligible BOOLEAN NOT NULL,
    backup_state    BOOLEAN NOT NULL,
    aaguid          BYTEA   NOT NULL,
    transports      TEXT    NOT NULL,
    bound_by        TEXT    NOT NULL,
    created_at      BIGINT  NOT NULL,
    last_used_at    BIGINT  NOT NULL,
    PRIMARY KEY (subscriber_id, id)
);

CREATE TABLE recovery_code (
    subscriber_id TEXT   NOT NULL REFERENCES subscriber (id),
    digest        BYTEA  NOT NULL,
    created_at    BIGINT NOT NULL,
    used_at       BIGINT NOT NULL,
    PRIMARY KEY (subscriber_id, digest)
);

-- +goose Down
DROP TABLE recovery_code;
DROP TABLE passkey;
