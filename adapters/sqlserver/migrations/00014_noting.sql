-- +goose Up
-- Which tables' changes are noted, as configurations have it: a list of subjects, as a
-- JSON array in their order. 0 is of gateways that note nothing of that.
CREATE TABLE gateway.noting (
  id int NOT NULL,
  subjects nvarchar(max) COLLATE Latin1_General_BIN2 NOT NULL,
  CONSTRAINT pk_gateway_noting PRIMARY KEY CLUSTERED (id)
);

-- From which entry of a chain on that is so. A row stands where it differs from what
-- was so for the entry before; gateway.chain has what is so for the last one.
CREATE TABLE gateway.noted (
  chain int NOT NULL,
  seq bigint NOT NULL,
  noting int NOT NULL,
  CONSTRAINT pk_gateway_noted PRIMARY KEY CLUSTERED (chain, seq)
);
ALTER TABLE gateway.chain ADD noting int NOT NULL CONSTRAINT df_gateway_chain_noting DEFAULT 0;

-- Up to which rowversion is noted what others have written, by the SHA-256 of the
-- subject.
CREATE TABLE gateway.sighting (
  subject char(64) COLLATE Latin1_General_BIN2 NOT NULL,
  version bigint NOT NULL,
  CONSTRAINT pk_gateway_sighting PRIMARY KEY CLUSTERED (subject)
);

-- The rowversions of rows that the gateway has written itself, until they are passed.
CREATE TABLE gateway.own_version (
  subject char(64) COLLATE Latin1_General_BIN2 NOT NULL,
  version bigint NOT NULL,
  row_hash char(64) COLLATE Latin1_General_BIN2 NOT NULL,
  CONSTRAINT pk_gateway_own_version PRIMARY KEY CLUSTERED (subject, version, row_hash)
);

-- +goose Down
DROP TABLE gateway.own_version;
DROP TABLE gateway.sighting;
ALTER TABLE gateway.chain DROP CONSTRAINT df_gateway_chain_noting;
ALTER TABLE gateway.chain DROP COLUMN noting;
DROP TABLE gateway.noted;
DROP TABLE gateway.noting;
