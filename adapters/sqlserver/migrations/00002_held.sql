-- +goose Up
-- What asynchronous doors took and the gateway could not store: messages that
-- wait for another attempt, and the parking lot; closed ones stay. Payload and
-- business keys are where a stored message's are, under the same id.
-- next_at is NULL while a message waits behind an earlier one of its key.
CREATE TABLE gateway.held (
  id binary(16) NOT NULL,
  received_at datetime2(3) NOT NULL,
  route nvarchar(128) COLLATE Latin1_General_BIN2 NOT NULL,
  endpoint nvarchar(256) NOT NULL,
  mapping nvarchar(256) NOT NULL,
  contract binary(32) NOT NULL,
  principal nvarchar(400) NOT NULL,
  login nvarchar(400) NOT NULL,
  sender nvarchar(400) COLLATE Latin1_General_BIN2 NOT NULL,
  "identity" nvarchar(400) COLLATE Latin1_General_BIN2 NOT NULL,
  body binary(32) NOT NULL,
  content_type nvarchar(255) NOT NULL,
  ordering_key nvarchar(400) COLLATE Latin1_General_BIN2 NOT NULL,
  traceparent nvarchar(64) NOT NULL,
  correlation nvarchar(1000) NOT NULL,
  origin binary(32) NULL,
  properties nvarchar(max) NOT NULL,
  state varchar(16) NOT NULL,
  code varchar(16) NOT NULL,
  reason nvarchar(4000) NOT NULL,
  attempts int NOT NULL,
  next_at datetime2(3) NULL,
  until_at datetime2(3) NULL,
  closed_by nvarchar(400) NULL,
  CONSTRAINT pk_gateway_held PRIMARY KEY CLUSTERED (id),
  CONSTRAINT ck_gateway_held_state CHECK (state IN ('waiting', 'parked', 'replayed', 'discarded'))
);
CREATE INDEX ix_gateway_held_identity ON gateway.held ("identity", id);
CREATE INDEX ix_gateway_held_route ON gateway.held (route, id);
CREATE INDEX ix_gateway_held_sender ON gateway.held (sender, id);
CREATE INDEX ix_gateway_held_state ON gateway.held (state, id, route);
CREATE INDEX ix_gateway_held_origin ON gateway.held (origin, id);
CREATE INDEX ix_gateway_held_key ON gateway.held (route, ordering_key, id, next_at) WHERE state = 'waiting';
CREATE INDEX ix_gateway_held_due ON gateway.held (state, next_at, id);

-- The history of a message that was held or that an operator acted on; inserted,
-- never changed. Identifiers rise with time.
CREATE TABLE gateway.attempt (
  message_id binary(16) NOT NULL,
  id binary(16) NOT NULL,
  at datetime2(3) NOT NULL,
  what varchar(16) NOT NULL,
  done_by nvarchar(400) NOT NULL,
  code varchar(16) NOT NULL,
  reason nvarchar(4000) NOT NULL,
  CONSTRAINT pk_gateway_attempt PRIMARY KEY CLUSTERED (message_id, id)
);

-- How often a message was tried alone without the end of it being heard of.
CREATE TABLE gateway.suspect (
  origin binary(32) NOT NULL,
  tries int NOT NULL,
  at datetime2(3) NOT NULL,
  CONSTRAINT pk_gateway_suspect PRIMARY KEY CLUSTERED (origin)
);

-- Deliveries that an operator gave up.
CREATE TABLE gateway.discarded (
  channel nvarchar(128) COLLATE Latin1_General_BIN2 NOT NULL,
  shard int NOT NULL,
  seq bigint NOT NULL,
  discarded_at datetime2(3) NOT NULL,
  discarded_by nvarchar(400) NOT NULL,
  CONSTRAINT pk_gateway_discarded PRIMARY KEY CLUSTERED (channel, shard, seq)
);

-- How often parked deliveries of the shard were put back in line.
ALTER TABLE gateway.shard ADD releases bigint NOT NULL CONSTRAINT df_gateway_shard_releases DEFAULT 0;

-- +goose Down
ALTER TABLE gateway.shard DROP CONSTRAINT df_gateway_shard_releases;
ALTER TABLE gateway.shard DROP COLUMN releases;
DROP TABLE gateway.discarded;
DROP TABLE gateway.suspect;
DROP TABLE gateway.attempt;
DROP TABLE gateway.held;
