-- +goose Up
-- What the other side of a channel answered last to a delivery, and how often it
-- was tried. took is in milliseconds; status is 0 when no answer came, code
-- empty when the delivery was taken.
CREATE TABLE "gateway.response" (
  message_id BLOB NOT NULL,
  channel TEXT NOT NULL,
  shard INTEGER NOT NULL,
  seq INTEGER NOT NULL,
  attempts INTEGER NOT NULL,
  first_at INTEGER NOT NULL,
  at INTEGER NOT NULL,
  took INTEGER NOT NULL,
  status INTEGER NOT NULL,
  content_type TEXT NOT NULL,
  code TEXT NOT NULL,
  reason TEXT NOT NULL,
  cut INTEGER NOT NULL,
  packing INTEGER NOT NULL,
  body BLOB NOT NULL,
  CONSTRAINT pk_gateway_response PRIMARY KEY (message_id, channel, shard, seq),
  CONSTRAINT ck_gateway_response_packing CHECK (packing IN (0, 1))
) STRICT, WITHOUT ROWID;

-- Whether a parked delivery holds those behind it in its key.
ALTER TABLE "gateway.parked" ADD COLUMN holds INTEGER NOT NULL DEFAULT 1;
DROP INDEX ix_gateway_parked_key;
CREATE INDEX ix_gateway_parked_key ON "gateway.parked" (channel, shard, ordering_key, seq, holds);

-- +goose Down
DROP INDEX ix_gateway_parked_key;
CREATE INDEX ix_gateway_parked_key ON "gateway.parked" (channel, shard, ordering_key);
ALTER TABLE "gateway.parked" DROP COLUMN holds;
DROP TABLE "gateway.response";
