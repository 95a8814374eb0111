-- +goose Up
-- What the other side of a channel answered last to a delivery, and how often it
-- was tried. took is in milliseconds; status is 0 when no answer came, code
-- empty when the delivery was taken.
CREATE TABLE gateway.response (
  message_id binary(16) NOT NULL,
  channel nvarchar(128) COLLATE Latin1_General_BIN2 NOT NULL,
  shard int NOT NULL,
  seq bigint NOT NULL,
  attempts int NOT NULL,
  first_at datetime2(3) NOT NULL,
  at datetime2(3) NOT NULL,
  took int NOT NULL,
  status int NOT NULL,
  content_type nvarchar(255) NOT NULL,
  code varchar(16) NOT NULL,
  reason nvarchar(1000) NOT NULL,
  cut int NOT NULL,
  packing tinyint NOT NULL,
  body varbinary(max) NOT NULL,
  CONSTRAINT pk_gateway_response PRIMARY KEY CLUSTERED (message_id, channel, shard, seq),
  CONSTRAINT ck_gateway_response_packing CHECK (packing IN (0, 1))
);

-- Whether a parked delivery holds those behind it in its key.
ALTER TABLE gateway.parked ADD holds int NOT NULL CONSTRAINT df_gateway_parked_holds DEFAULT 1;
DROP INDEX ix_gateway_parked_key ON gateway.parked;
CREATE INDEX ix_gateway_parked_key ON gateway.parked (channel, shard, ordering_key, seq, holds);

-- +goose Down
DROP INDEX ix_gateway_parked_key ON gateway.parked;
CREATE INDEX ix_gateway_parked_key ON gateway.parked (channel, shard, ordering_key);
ALTER TABLE gateway.parked DROP CONSTRAINT df_gateway_parked_holds;
ALTER TABLE gateway.parked DROP COLUMN holds;
DROP TABLE gateway.response;
