-- +goose Up
-- When somebody was last reminded of something that no act has called for.
CREATE TABLE reminder (
    subscriber_id TEXT   NOT NULL REFERENCES subscriber (id),
    kind          TEXT   NOT NULL,
    sent_at       BIGINT NOT NULL,
    PRIMARY KEY (subscriber_id, kind)
);

-- +goose Down
DROP TABLE reminder;
