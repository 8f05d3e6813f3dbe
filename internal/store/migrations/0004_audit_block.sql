-- +goose Up
CREATE TABLE audit_block (
    no        BIGINT PRIMARY KEY,
    sealed_at BIGINT NOT NULL,
    events    BIGINT NOT NULL,
    digest    BYTEA  NOT NULL,
    mac       BYTEA  NOT NULL
);

CREATE TABLE audit_seal (
    event_id TEXT   PRIMARY KEY,
    block    BIGINT NOT NULL
);

CREATE INDEX audit_seal_block ON audit_seal (block, event_id);

-- +goose Down
DROP TABLE audit_seal;
DROP TABLE audit_block;
