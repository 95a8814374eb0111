-- +goose Up
-- Old notes of suspects are found without reading all of them.
CREATE INDEX ix_gateway_suspect_at ON gateway.suspect (at);

-- +goose Down
DROP INDEX ix_gateway_suspect_at ON gateway.suspect;
