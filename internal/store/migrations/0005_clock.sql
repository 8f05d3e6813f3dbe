-- +goose Up
CREATE TABLE clock (
    id       BIGINT PRIMARY KEY CHECK (id = 1),
    seen_at  BIGINT NOT NULL,
    accepted BIGINT NOT NULL
);

-- +goose Down
DROP TABLE clock;
