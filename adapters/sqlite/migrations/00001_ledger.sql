-- +goose Up
-- The ledger, the inbox and the outbox. Identifiers are 16 bytes, digests 32,
-- times milliseconds since 1970 in UTC.
CREATE TABLE "gateway.message" (
  id BLOB NOT NULL,
  received_at INTEGER NOT NULL,
  route TEXT NOT NULL,
  endpoint TEXT NOT NULL,
  mapping TEXT NOT NULL,
  contract BLOB NOT NULL,
  principal TEXT NOT NULL,
  sender TEXT NOT NULL,
  "identity" TEXT NOT NULL,
  body BLOB NOT NULL,
  content_type TEXT NOT NULL,
  ordering_key TEXT NOT NULL,
  traceparent TEXT NOT NULL,
  correlation TEXT NOT NULL,
  outcome TEXT NOT NULL,
  replay_of BLOB,
  CONSTRAINT pk_gateway_message PRIMARY KEY (id)
) STRICT, WITHOUT ROWID;
CREATE INDEX ix_gateway_message_identity ON "gateway.message" ("identity", id);
CREATE INDEX ix_gateway_message_route ON "gateway.message" (route, id);
CREATE INDEX ix_gateway_message_sender ON "gateway.message" (sender, id);
-- Nearly everything is stored; what is not has to be found among a million.
CREATE INDEX ix_gateway_message_outcome ON "gateway.message" (outcome, id) WHERE outcome <> 'stored';

-- Apart from the message: it has its own retention and its own grant.
CREATE TABLE "gateway.payload" (
  message_id BLOB NOT NULL,
  packing INTEGER NOT NULL,
  body BLOB NOT NULL,
  CONSTRAINT pk_gateway_payload PRIMARY KEY (message_id),
  CONSTRAINT ck_gateway_payload_packing CHECK (packing IN (0, 1))
) STRICT, WITHOUT ROWID;

CREATE TABLE "gateway.message_key" (
  value TEXT NOT NULL,
  message_id BLOB NOT NULL,
  name TEXT NOT NULL,
  CONSTRAINT pk_gateway_message_key PRIMARY KEY (value, message_id, name)
) STRICT, WITHOUT ROWID;
CREATE INDEX ix_gateway_message_key_message ON "gateway.message_key" (message_id);

-- The hash finds a claim; the message id, which rises with time, ages it.
CREATE TABLE "gateway.inbox" (
  claim BLOB NOT NULL,
  body BLOB NOT NULL,
  message_id BLOB NOT NULL,
  CONSTRAINT pk_gateway_inbox PRIMARY KEY (claim)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX cx_gateway_inbox ON "gateway.inbox" (message_id);

CREATE TABLE "gateway.reply" (
  message_id BLOB NOT NULL,
  body BLOB NOT NULL,
  CONSTRAINT pk_gateway_reply PRIMARY KEY (message_id)
) STRICT, WITHOUT ROWID;

-- times is how many equal refusals one row stands for.
CREATE TABLE "gateway.refusal" (
  id BLOB NOT NULL,
  at INTEGER NOT NULL,
  endpoint TEXT NOT NULL,
  route TEXT NOT NULL,
  principal TEXT NOT NULL,
  code TEXT NOT NULL,
  reason TEXT NOT NULL,
  remote TEXT NOT NULL,
  times INTEGER NOT NULL,
  CONSTRAINT pk_gateway_refusal PRIMARY KEY (id)
) STRICT, WITHOUT ROWID;
CREATE INDEX ix_gateway_refusal_route ON "gateway.refusal" (route, id);

-- The lasting fact of one message on one channel; inserted, never changed.
CREATE TABLE "gateway.delivery" (
  message_id BLOB NOT NULL,
  ordinal INTEGER NOT NULL,
  channel TEXT NOT NULL,
  shard INTEGER NOT NULL,
  seq INTEGER NOT NULL,
  wire_id TEXT NOT NULL,
  routing_key TEXT NOT NULL,
  CONSTRAINT pk_gateway_delivery PRIMARY KEY (message_id, ordinal)
) STRICT, WITHOUT ROWID;

-- What waits for its channel.
CREATE TABLE "gateway.outbox" (
  channel TEXT NOT NULL,
  shard INTEGER NOT NULL,
  seq INTEGER NOT NULL,
  wire_id TEXT NOT NULL,
  message_id BLOB NOT NULL,
  ordering_key TEXT NOT NULL,
  routing_key TEXT NOT NULL,
  type TEXT NOT NULL,
  content_type TEXT NOT NULL,
  correlation TEXT NOT NULL,
  traceparent TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  body BLOB NOT NULL,
  CONSTRAINT pk_gateway_outbox PRIMARY KEY (channel, shard, seq)
) STRICT, WITHOUT ROWID;
-- Parking takes all of a key out of the way, however long the queue.
CREATE INDEX ix_gateway_outbox_key ON "gateway.outbox" (channel, shard, ordering_key);

-- One row for each confirmed window of consecutive numbers.
CREATE TABLE "gateway.relayed" (
  channel TEXT NOT NULL,
  shard INTEGER NOT NULL,
  first_seq INTEGER NOT NULL,
  last_seq INTEGER NOT NULL,
  confirmed_at INTEGER NOT NULL,
  fence INTEGER NOT NULL,
  CONSTRAINT pk_gateway_relayed PRIMARY KEY (channel, shard, first_seq)
) STRICT, WITHOUT ROWID;

CREATE TABLE "gateway.parked" (
  channel TEXT NOT NULL,
  shard INTEGER NOT NULL,
  seq INTEGER NOT NULL,
  wire_id TEXT NOT NULL,
  message_id BLOB NOT NULL,
  ordering_key TEXT NOT NULL,
  routing_key TEXT NOT NULL,
  type TEXT NOT NULL,
  content_type TEXT NOT NULL,
  correlation TEXT NOT NULL,
  traceparent TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  body BLOB NOT NULL,
  behind INTEGER NULL,
  code TEXT NOT NULL,
  reason TEXT NOT NULL,
  attempts INTEGER NOT NULL,
  parked_at INTEGER NOT NULL,
  CONSTRAINT pk_gateway_parked PRIMARY KEY (channel, shard, seq)
) STRICT, WITHOUT ROWID;
CREATE INDEX ix_gateway_parked_key ON "gateway.parked" (channel, shard, ordering_key);

CREATE TABLE "gateway.shard" (
  channel TEXT NOT NULL,
  shard INTEGER NOT NULL,
  next_seq INTEGER NOT NULL,
  CONSTRAINT pk_gateway_shard PRIMARY KEY (channel, shard)
) STRICT, WITHOUT ROWID;

CREATE TABLE "gateway.lease" (
  channel TEXT NOT NULL,
  shard INTEGER NOT NULL,
  owner TEXT NOT NULL,
  until INTEGER NOT NULL,
  fence INTEGER NOT NULL,
  CONSTRAINT pk_gateway_lease PRIMARY KEY (channel, shard)
) STRICT, WITHOUT ROWID;

-- +goose Down
DROP TABLE "gateway.lease";
DROP TABLE "gateway.shard";
DROP TABLE "gateway.parked";
DROP TABLE "gateway.relayed";
DROP TABLE "gateway.outbox";
DROP TABLE "gateway.delivery";
DROP TABLE "gateway.refusal";
DROP TABLE "gateway.reply";
DROP TABLE "gateway.inbox";
DROP TABLE "gateway.message_key";
DROP TABLE "gateway.payload";
DROP TABLE "gateway.message";
