-- +goose Up
-- Metadata of others. A fetch writes the services that it finds under the number
-- claimed; they count once generation has that number.
CREATE TABLE feed (
    id            TEXT   PRIMARY KEY,
    generation    BIGINT NOT NULL,
    claimed       BIGINT NOT NULL,
    locked_until  BIGINT NOT NULL,
    next_at       BIGINT NOT NULL,
    services      BIGINT NOT NULL,
    left_out      BIGINT NOT NULL,
    signer        TEXT   NOT NULL,
    valid_until   BIGINT NOT NULL,
    since         BIGINT NOT NULL,
    checked_at    BIGINT NOT NULL,
    source        TEXT   NOT NULL,
    etag          TEXT   NOT NULL,
    last_modified TEXT   NOT NULL,
    failures      BIGINT NOT NULL,
    fault         TEXT   NOT NULL,
    shrunk        BIGINT NOT NULL,
    accepted      BIGINT NOT NULL
);

-- Answers of a Metadata Query server have the generation 0, and a signer and a
-- fresh_until of their own.
CREATE TABLE feed_service (
    feed        TEXT   NOT NULL,
    generation  BIGINT NOT NULL,
    entity_id   TEXT   NOT NULL,
    service_id  TEXT   NOT NULL,
    record      TEXT   NOT NULL,
    signer      TEXT   NOT NULL,
    valid_until BIGINT NOT NULL,
    fresh_until BIGINT NOT NULL,
    PRIMARY KEY (feed, generation, entity_id)
);

CREATE INDEX feed_service_entity_id ON feed_service (entity_id);
CREATE INDEX feed_service_service_id ON feed_service (service_id);

-- +goose Down
DROP TABLE feed_service;
DROP TABLE feed;
