-- +goose Up
ALTER TABLE subscriber ADD COLUMN frozen_at BIGINT NOT NULL DEFAULT 0;

-- What has changed, for the person to recognize at the next sign-in.
CREATE TABLE notice_banner (
    subscriber_id TEXT   NOT NULL REFERENCES subscriber (id),
    id            TEXT   NOT NULL,
    kind          TEXT   NOT NULL,
    at            BIGINT NOT NULL,
    seen_at       BIGINT NOT NULL,
    PRIMARY KEY (subscriber_id, id)
);

CREATE INDEX notice_banner_unseen ON notice_banner (subscriber_id, at) WHERE seen_at = 0;
CREATE INDEX notice_banner_at ON notice_banner (at);

-- Wrong codes of all nodes, by the beginning of the minute.
CREATE TABLE code_failure (
    minute   BIGINT PRIMARY KEY,
    failures BIGINT NOT NULL
);

CREATE TABLE alarm (
    rule      TEXT   PRIMARY KEY,
    raised_at BIGINT NOT NULL
);

-- +goose Down
DROP TABLE alarm;
DROP TABLE code_failure;
DROP TABLE notice_banner;
ALTER TABLE subscriber DROP COLUMN frozen_at;
