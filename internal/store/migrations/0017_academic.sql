-- +goose Up
-- What services of other institutions ask of members of a university; lists are
-- parted by spaces.
ALTER TABLE subscriber ADD COLUMN orcid TEXT NOT NULL DEFAULT '';
ALTER TABLE subscriber ADD COLUMN person_code TEXT NOT NULL DEFAULT '';
ALTER TABLE subscriber ADD COLUMN entitlements TEXT NOT NULL DEFAULT '';
ALTER TABLE subscriber ADD COLUMN assurance TEXT NOT NULL DEFAULT '';

-- +goose Down
ALTER TABLE subscriber DROP COLUMN assurance;
ALTER TABLE subscriber DROP COLUMN entitlements;
ALTER TABLE subscriber DROP COLUMN person_code;
ALTER TABLE subscriber DROP COLUMN orcid;
