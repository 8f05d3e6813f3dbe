-- +goose Up
-- Numbers of persons as other institutions read them (schacPersonalUniqueCode),
-- parted by spaces.
ALTER TABLE subscriber ADD COLUMN unique_codes TEXT NOT NULL DEFAULT '';

-- +goose Down
ALTER TABLE subscriber DROP COLUMN unique_codes;
