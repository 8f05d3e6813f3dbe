-- +goose Up
CREATE TABLE consent (
    subscriber_id TEXT   NOT NULL REFERENCES subscriber (id),
    service_id    TEXT   NOT NULL,
    digest        BYTEA  NOT NULL,
    withheld      TEXT   NOT NULL,
    since         BIGINT NOT NULL,
    PRIMARY KEY (subscriber_id, service_id)
);

-- Attributes that the person did not want the service to be told.
ALTER TABLE oidc_grant ADD COLUMN withheld TEXT NOT NULL DEFAULT '';

-- Whom a service means is asked by the value alone.
CREATE INDEX pairwise_subject_by_value ON pairwise_subject (value);

-- +goose Down
DROP INDEX pairwise_subject_by_value;
ALTER TABLE oidc_grant DROP COLUMN withheld;
DROP TABLE consent;
