-- +goose Up
-- The certificate that a key was brought along with, as base64 of its DER; empty where the
-- server makes it itself.
ALTER TABLE signing_key ADD COLUMN certificate TEXT NOT NULL DEFAULT '';

-- +goose Down
ALTER TABLE signing_key DROP COLUMN certificate;
