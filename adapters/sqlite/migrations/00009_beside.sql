-- +goose Up
-- What the mapping of a stored message reads beside its payload, SOAP header
-- blocks and AMQP properties, so that it can be repeated as it came: JSON, packed
-- by gzip where that is shorter. NULL where the mapping reads nothing else, for
-- what is held, and for what was stored before.
ALTER TABLE "gateway.payload" ADD COLUMN beside BLOB;

-- +goose Down
ALTER TABLE "gateway.payload" DROP COLUMN beside;
