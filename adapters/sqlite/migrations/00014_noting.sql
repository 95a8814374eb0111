-- +goose Up
-- Which tables' changes are noted, as configurations have it: a list of subjects, as a
-- JSON array in their order. 0 is of gateways that note nothing of that.
CREATE TABLE "gateway.noting" (
  id INTEGER NOT NULL,
  subjects TEXT NOT NULL,
  CONSTRAINT pk_gateway_noting PRIMARY KEY (id)
) STRICT, WITHOUT ROWID;

-- From which entry of a chain on that is so. A row stands where it differs from what
-- was so for the entry before; gateway.chain has what is so for the last one.
CREATE TABLE "gateway.noted" (
  chain INTEGER NOT NULL,
  seq INTEGER NOT NULL,
  noting INTEGER NOT NULL,
  CONSTRAINT pk_gateway_noted PRIMARY KEY (chain, seq)
) STRICT, WITHOUT ROWID;
ALTER TABLE "gateway.chain" ADD COLUMN noting INTEGER NOT NULL DEFAULT 0;

-- Up to which rowversion is noted what others have written, by the SHA-256 of the
-- subject. SQLite has no rowversion: the table is there so that both databases have
-- the same ones.
CREATE TABLE "gateway.sighting" (
  subject TEXT NOT NULL,
  version INTEGER NOT NULL,
  CONSTRAINT pk_gateway_sighting PRIMARY KEY (subject)
) STRICT, WITHOUT ROWID;

-- The rowversions of rows that the gateway has written itself, until they are passed.
CREATE TABLE "gateway.own_version" (
  subject TEXT NOT NULL,
  version INTEGER NOT NULL,
  row_hash TEXT NOT NULL,
  CONSTRAINT pk_gateway_own_version PRIMARY KEY (subject, version, row_hash)
) STRICT, WITHOUT ROWID;

-- +goose Down
DROP TABLE "gateway.own_version";
DROP TABLE "gateway.sighting";
ALTER TABLE "gateway.chain" DROP COLUMN noting;
DROP TABLE "gateway.noted";
DROP TABLE "gateway.noting";
