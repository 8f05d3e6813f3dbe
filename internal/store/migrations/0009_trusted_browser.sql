-- +goose Up
CREATE TABLE trusted_browser (
    subscriber_id TEXT   NOT NULL REFERENCES subscriber (id),
    id            TEXT   NOT NULL,
    digest        BYTEA  NOT NULL,
    browser       TEXT   NOT NULL,
    created_at    BIGINT NOT NULL,
    expires_at    BIGINT NOT NULL,
    PRIMARY KEY (subscriber_id, id)
);

CREATE INDEX trusted_browser_expires_at ON trusted_browser (expires_at);

-- +goose Down
DROP TABLE trusted_browser;
