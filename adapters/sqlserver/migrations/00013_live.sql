-- +goose Up
-- Which rows a transaction has written of tables that live views show, under the
-- number of the transaction's entry in the audit trail (docs/live.md). subject is
-- the table with the columns of the key; row_key their values, with commas between them.
CREATE TABLE gateway.change (
  chain int NOT NULL,
  seq bigint NOT NULL,
  n int NOT NULL,
  message_id binary(16) NULL,
  subject nvarchar(1000) COLLATE Latin1_General_BIN2 NOT NULL,
  row_key nvarchar(max) COLLATE Latin1_General_BIN2 NOT NULL,
  CONSTRAINT pk_gateway_change PRIMARY KEY CLUSTERED (chain, seq, n)
);

-- How far the changes of each chain have been removed.
CREATE TABLE gateway.change_removed (
  chain int NOT NULL,
  seq bigint NOT NULL,
  CONSTRAINT pk_gateway_change_removed PRIMARY KEY CLUSTERED (chain)
);

-- The keys of tokens that leave the gateway and come back to it.
CREATE TABLE gateway.sealing_key (
  id bigint NOT NULL,
  secret char(64) COLLATE Latin1_General_BIN2 NOT NULL,
  created_at datetime2(3) NOT NULL,
  CONSTRAINT pk_gateway_sealing_key PRIMARY KEY CLUSTERED (id)
);

-- +goose Down
DROP TABLE gateway.sealing_key;
DROP TABLE gateway.change_removed;
DROP TABLE gateway.change;
