-- +goose Up
-- Who did what, and which messages were taken, chained by hash (docs/audit.md).
-- Entries are inserted; of an act the reason alone can be erased. Hashes are 64
-- hexadecimal digits.
CREATE TABLE "gateway.audit" (
  chain INTEGER NOT NULL,
  seq INTEGER NOT NULL,
  at INTEGER NOT NULL,
  kind TEXT NOT NULL,
  done_by TEXT NULL,
  what TEXT NULL,
  target TEXT NULL,
  reason TEXT NULL,
  content BLOB NOT NULL,
  previous TEXT NOT NULL,
  hash TEXT NOT NULL,
  CONSTRAINT pk_gateway_audit PRIMARY KEY (chain, seq),
  CONSTRAINT ck_gateway_audit_kind CHECK (kind IN ('act', 'batch'))
) STRICT, WITHOUT ROWID;
CREATE INDEX ix_gateway_audit_target ON "gateway.audit" (target, what) WHERE target IS NOT NULL;

-- The last entry of each chain: whoever appends the next one locks this row.
CREATE TABLE "gateway.chain" (
  chain INTEGER NOT NULL,
  seq INTEGER NOT NULL,
  head TEXT NOT NULL,
  CONSTRAINT pk_gateway_chain PRIMARY KEY (chain)
) STRICT, WITHOUT ROWID;

-- +goose Down
DROP TABLE "gateway.chain";
DROP TABLE "gateway.audit";
