-- +goose Up
-- Which rows a transaction has written of tables that live views show, under the
-- number of the transaction's entry in the audit trail (docs/live.md). subject is
-- the table with the columns of the key; row_key their values, with commas between them.
CREATE TABLE "gateway.change" (
  chain INTEGER NOT NULL,
  seq INTEGER NOT NULL,
  n INTEGER NOT NULL,
  message_id BLOB NULL,
  subject TEXT NOT NULL,
  row_key TEXT NOT NULL,
  CONSTRAINT pk_gateway_change PRIMARY KEY (chain, seq, n)
) STRICT, WITHOUT ROWID;

-- How far the changes of each chain have been removed.
CREATE TABLE "gateway.change_removed" (
  chain INTEGER NOT NULL,
  seq INTEGER NOT NULL,
  CONSTRAINT pk_gateway_change_removed PRIMARY KEY (chain)
) STRICT, WITHOUT ROWID;

-- The keys of tokens that leave the gateway and come back to it.
CREATE TABLE "gateway.sealing_key" (
  id INTEGER NOT NULL,
  secret TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  CONSTRAINT pk_gateway_sealing_key PRIMARY KEY (id)
) STRICT, WITHOUT ROWID;

-- +goose Down
DROP TABLE "gateway.sealing_key";
DROP TABLE "gateway.change_removed";
DROP TABLE "gateway.change";
