-- +goose Up
-- How often an entry of the FAQ has helped, by the day.
CREATE TABLE faq_answer (
    day  BIGINT NOT NULL,
    slug TEXT   NOT NULL,
    lang TEXT   NOT NULL,
    yes  BIGINT NOT NULL,
    no   BIGINT NOT NULL,
    PRIMARY KEY (day, slug, lang)
);

-- Searches that found nothing. Words are there once enough have asked for them.
CREATE TABLE faq_miss (
    digest BYTEA  PRIMARY KEY,
    lang   TEXT   NOT NULL,
    words  TEXT   NOT NULL,
    asked  BIGINT NOT NULL,
    last_at BIGINT NOT NULL
);

CREATE INDEX faq_miss_last ON faq_miss (last_at);
CREATE INDEX faq_miss_asked ON faq_miss (asked) WHERE words <> '';

-- +goose Down
DROP TABLE faq_miss;
DROP TABLE faq_answer;
