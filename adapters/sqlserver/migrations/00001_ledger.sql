-- +goose Up
-- The ledger, the inbox and the outbox. Text that is compared has a binary
-- collation, so that two identities are the same only when their letters are.
CREATE TABLE gateway.message (
  id binary(16) NOT NULL,
  received_at datetime2(3) NOT NULL,
  route nvarchar(128) COLLATE Latin1_General_BIN2 NOT NULL,
  endpoint nvarchar(256) NOT NULL,
  mapping nvarchar(256) NOT NULL,
  contract binary(32) NOT NULL,
  principal nvarchar(400) NOT NULL,
  sender nvarchar(400) COLLATE Latin1_General_BIN2 NOT NULL,
  "identity" nvarchar(400) COLLATE Latin1_General_BIN2 NOT NULL,
  body binary(32) NOT NULL,
  content_type nvarchar(255) NOT NULL,
  ordering_key nvarchar(400) COLLATE Latin1_General_BIN2 NOT NULL,
  traceparent nvarchar(64) NOT NULL,
  correlation nvarchar(1000) NOT NULL,
  outcome varchar(16) NOT NULL,
  replay_of binary(16) NULL,
  CONSTRAINT pk_gateway_message PRIMARY KEY CLUSTERED (id)
);
CREATE INDEX ix_gateway_message_identity ON gateway.message ("identity", id);
CREATE INDEX ix_gateway_message_route ON gateway.message (route, id);
CREATE INDEX ix_gateway_message_sender ON gateway.message (sender, id);
-- Nearly everything is stored; what is not has to be found among a million.
CREATE INDEX ix_gateway_message_outcome ON gateway.message (outcome, id) WHERE outcome <> 'stored';

-- Apart from the message: it has its own retention and its own grant.
CREATE TABLE gateway.payload (
  message_id binary(16) NOT NULL,
  packing tinyint NOT NULL,
  body varbinary(max) NOT NULL,
  CONSTRAINT pk_gateway_payload PRIMARY KEY CLUSTERED (message_id),
  CONSTRAINT ck_gateway_payload_packing CHECK (packing IN (0, 1))
);

CREATE TABLE gateway.message_key (
  value nvarchar(200) COLLATE Latin1_General_BIN2 NOT NULL,
  message_id binary(16) NOT NULL,
  name nvarchar(128) COLLATE Latin1_General_BIN2 NOT NULL,
  CONSTRAINT pk_gateway_message_key PRIMARY KEY CLUSTERED (value, message_id, name)
);
CREATE INDEX ix_gateway_message_key_message ON gateway.message_key (message_id);

-- Claims append by message id, which rises with time; the hash finds them.
CREATE TABLE gateway.inbox (
  claim binary(32) NOT NULL,
  body binary(32) NOT NULL,
  message_id binary(16) NOT NULL,
  CONSTRAINT pk_gateway_inbox PRIMARY KEY NONCLUSTERED (claim)
);
CREATE UNIQUE CLUSTERED INDEX cx_gateway_inbox ON gateway.inbox (message_id);

CREATE TABLE gateway.reply (
  message_id binary(16) NOT NULL,
  body varbinary(max) NOT NULL,
  CONSTRAINT pk_gateway_reply PRIMARY KEY CLUSTERED (message_id)
);

-- times is how many equal refusals one row stands for.
CREATE TABLE gateway.refusal (
  id binary(16) NOT NULL,
  at datetime2(3) NOT NULL,
  endpoint nvarchar(256) NOT NULL,
  route nvarchar(128) COLLATE Latin1_General_BIN2 NOT NULL,
  principal nvarchar(400) NOT NULL,
  code varchar(16) NOT NULL,
  reason nvarchar(1000) NOT NULL,
  remote nvarchar(128) NOT NULL,
  times int NOT NULL,
  CONSTRAINT pk_gateway_refusal PRIMARY KEY CLUSTERED (id)
);
CREATE INDEX ix_gateway_refusal_route ON gateway.refusal (route, id);

-- The lasting fact of one message on one channel; inserted, never changed.
CREATE TABLE gateway.delivery (
  message_id binary(16) NOT NULL,
  ordinal int NOT NULL,
  channel nvarchar(128) COLLATE Latin1_General_BIN2 NOT NULL,
  shard int NOT NULL,
  seq bigint NOT NULL,
  wire_id char(32) NOT NULL,
  routing_key nvarchar(1000) NOT NULL,
  CONSTRAINT pk_gateway_delivery PRIMARY KEY CLUSTERED (message_id, ordinal)
);

-- What waits for its channel: one key range for each shard, so that writers of
-- different shards never meet on a page for long.
CREATE TABLE gateway.outbox (
  channel nvarchar(128) COLLATE Latin1_General_BIN2 NOT NULL,
  shard int NOT NULL,
  seq bigint NOT NULL,
  wire_id char(32) NOT NULL,
  message_id binary(16) NOT NULL,
  ordering_key nvarchar(400) COLLATE Latin1_General_BIN2 NOT NULL,
  routing_key nvarchar(1000) NOT NULL,
  type nvarchar(255) NOT NULL,
  content_type nvarchar(255) NOT NULL,
  correlation nvarchar(1000) NOT NULL,
  traceparent nvarchar(64) NOT NULL,
  created_at datetime2(3) NOT NULL,
  body varbinary(max) NOT NULL,
  CONSTRAINT pk_gateway_outbox PRIMARY KEY CLUSTERED (channel, shard, seq)
);
-- Parking takes all of a key out of the way, however long the queue.
CREATE INDEX ix_gateway_outbox_key ON gateway.outbox (channel, shard, ordering_key);

-- One row for each confirmed window of consecutive numbers.
CREATE TABLE gateway.relayed (
  channel nvarchar(128) COLLATE Latin1_General_BIN2 NOT NULL,
  shard int NOT NULL,
  first_seq bigint NOT NULL,
  last_seq bigint NOT NULL,
  confirmed_at datetime2(3) NOT NULL,
  fence bigint NOT NULL,
  CONSTRAINT pk_gateway_relayed PRIMARY KEY CLUSTERED (channel, shard, first_seq)
);

CREATE TABLE gateway.parked (
  channel nvarchar(128) COLLATE Latin1_General_BIN2 NOT NULL,
  shard int NOT NULL,
  seq bigint NOT NULL,
  wire_id char(32) NOT NULL,
  message_id binary(16) NOT NULL,
  ordering_key nvarchar(400) COLLATE Latin1_General_BIN2 NOT NULL,
  routing_key nvarchar(1000) NOT NULL,
  type nvarchar(255) NOT NULL,
  content_type nvarchar(255) NOT NULL,
  correlation nvarchar(1000) NOT NULL,
  traceparent nvarchar(64) NOT NULL,
  created_at datetime2(3) NOT NULL,
  body varbinary(max) NOT NULL,
  behind bigint NULL,
  code varchar(16) NOT NULL,
  reason nvarchar(1000) NOT NULL,
  attempts int NOT NULL,
  parked_at datetime2(3) NOT NULL,
  CONSTRAINT pk_gateway_parked PRIMARY KEY CLUSTERED (channel, shard, seq)
);
CREATE INDEX ix_gateway_parked_key ON gateway.parked (channel, shard, ordering_key);

CREATE TABLE gateway.shard (
  channel nvarchar(128) COLLATE Latin1_General_BIN2 NOT NULL,
  shard int NOT NULL,
  next_seq bigint NOT NULL,
  CONSTRAINT pk_gateway_shard PRIMARY KEY CLUSTERED (channel, shard)
);

CREATE TABLE gateway.lease (
  channel nvarchar(128) COLLATE Latin1_General_BIN2 NOT NULL,
  shard int NOT NULL,
  owner nvarchar(128) COLLATE Latin1_General_BIN2 NOT NULL,
  until datetime2(3) NOT NULL,
  fence bigint NOT NULL,
  CONSTRAINT pk_gateway_lease PRIMARY KEY CLUSTERED (channel, shard)
);

-- +goose Down
DROP TABLE gateway.lease;
DROP TABLE gateway.shard;
DROP TABLE gateway.parked;
DROP TABLE gateway.relayed;
DROP TABLE gateway.outbox;
DROP TABLE gateway.delivery;
DROP TABLE gateway.refusal;
DROP TABLE gateway.reply;
DROP TABLE gateway.inbox;
DROP TABLE gateway.message_key;
DROP TABLE gateway.payload;
DROP TABLE gateway.message;
