-- +goose Up
-- What asynchronous doors took and the gateway could not store: messages that
-- wait for another attempt, and the parking lot; closed ones stay. Payload and
-- business keys are where a stored message's are, under the same id.
-- next_at is NULL while a message waits behind an earlier one of its key.
CREATE TABLE "gateway.held" (
  id BLOB NOT NULL,
  received_at INTEGER NOT NULL,
  route TEXT NOT NULL,
  endpoint TEXT NOT NULL,
  mapping TEXT NOT NULL,
  contract BLOB NOT NULL,
  principal TEXT NOT NULL,
  login TEXT NOT NULL,
  sender TEXT NOT NULL,
  "identity" TEXT NOT NULL,
  body BLOB NOT NULL,
  content_type TEXT NOT NULL,
  ordering_key TEXT NOT NULL,
  traceparent TEXT NOT NULL,
  correlation TEXT NOT NULL,
  origin BLOB NULL,
  properties TEXT NOT NULL,
  state TEXT NOT NULL,
  code TEXT NOT NULL,
  reason TEXT NOT NULL,
  attempts INTEGER NOT NULL,
  next_at INTEGER NULL,
  until_at INTEGER NULL,
  closed_by TEXT NULL,
  CONSTRAINT pk_gateway_held PRIMARY KEY (id),
  CONSTRAINT ck_gateway_held_state CHECK (state IN ('waiting', 'parked', 'replayed', 'discarded'))
) STRICT, WITHOUT ROWID;
CREATE INDEX ix_gateway_held_identity ON "gateway.held" ("identity", id);
CREATE INDEX ix_gateway_held_route ON "gateway.held" (route, id);
CREATE INDEX ix_gateway_held_sender ON "gateway.held" (sender, id);
CREATE INDEX ix_gateway_held_state ON "gateway.held" (state, id, route);
CREATE INDEX ix_gateway_held_origin ON "gateway.held" (origin, id);
CREATE INDEX ix_gateway_held_key ON "gateway.held" (route, ordering_key, id, next_at) WHERE state = 'waiting';
CREATE INDEX ix_gateway_held_due ON "gateway.held" (state, next_at, id);

-- The history of a message that was held or that an operator acted on; inserted,
-- never changed. Identifiers rise with time.
CREATE TABLE "gateway.attempt" (
  message_id BLOB NOT NULL,
  id BLOB NOT NULL,
  at INTEGER NOT NULL,
  what TEXT NOT NULL,
  done_by TEXT NOT NULL,
  code TEXT NOT NULL,
  reason TEXT NOT NULL,
  CONSTRAINT pk_gateway_attempt PRIMARY KEY (message_id, id)
) STRICT, WITHOUT ROWID;

-- How often a message was tried alone without the end of it being heard of.
CREATE TABLE "gateway.suspect" (
  origin BLOB NOT NULL,
  tries INTEGER NOT NULL,
  at INTEGER NOT NULL,
  CONSTRAINT pk_gateway_suspect PRIMARY KEY (origin)
) STRICT, WITHOUT ROWID;

-- Deliveries that an operator gave up.
CREATE TABLE "gateway.discarded" (
  channel TEXT NOT NULL,
  shard INTEGER NOT NULL,
  seq INTEGER NOT NULL,
  discarded_at INTEGER NOT NULL,
  discarded_by TEXT NOT NULL,
  CONSTRAINT pk_gateway_discarded PRIMARY KEY (channel, shard, seq)
) STRICT, WITHOUT ROWID;

-- How often parked deliveries of the shard were put back in line.
ALTER TABLE "gateway.shard" ADD COLUMN releases INTEGER NOT NULL DEFAULT 0;

-- +goose Down
ALTER TABLE "gateway.shard" DROP COLUMN releases;
DROP TABLE "gateway.discarded";
DROP TABLE "gateway.suspect";
DROP TABLE "gateway.attempt";
DROP TABLE "gateway.held";
