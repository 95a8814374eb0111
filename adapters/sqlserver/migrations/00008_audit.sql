-- +goose Up
-- Who did what, and which messages were taken, chained by hash (docs/audit.md).
-- Entries are inserted; of an act the reason alone can be erased. Hashes are 64
-- hexadecimal digits.
CREATE TABLE gateway.audit (
  chain int NOT NULL,
  seq bigint NOT NULL,
  at datetime2(3) NOT NULL,
  kind varchar(8) NOT NULL,
  done_by nvarchar(400) NULL,
  what varchar(32) NULL,
  target nvarchar(400) COLLATE Latin1_General_BIN2 NULL,
  reason nvarchar(4000) NULL,
  content varbinary(max) NOT NULL,
  previous char(64) NOT NULL,
  hash char(64) NOT NULL,
  CONSTRAINT pk_gateway_audit PRIMARY KEY CLUSTERED (chain, seq),
  CONSTRAINT ck_gateway_audit_kind CHECK (kind IN ('act', 'batch'))
);
CREATE INDEX ix_gateway_audit_target ON gateway.audit (target, what) WHERE target IS NOT NULL;

-- The last entry of each chain: whoever appends the next one locks this row.
CREATE TABLE gateway.chain (
  chain int NOT NULL,
  seq bigint NOT NULL,
  head char(64) NOT NULL,
  CONSTRAINT pk_gateway_chain PRIMARY KEY CLUSTERED (chain)
);

-- +goose Down
DROP TABLE gateway.chain;
DROP TABLE gateway.audit;
