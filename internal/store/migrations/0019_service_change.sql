-- +goose Up
-- The one row that a transaction takes before it changes a service, so that they
-- follow one another: that no two services have one entityID no constraint can
-- say, for it is part of the definition, and also of the configuration file.
CREATE TABLE service_change (
    id BIGINT PRIMARY KEY CHECK (id = 1),
    n  BIGINT NOT NULL
);

-- +goose Down
DROP TABLE service_change;
