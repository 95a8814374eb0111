-- +goose Up
-- The numbers that mappings draw, as SQL Server draws them from its sequences.
CREATE TABLE "gateway.counter" (
  name TEXT NOT NULL,
  next INTEGER NOT NULL,
  CONSTRAINT pk_gateway_counter PRIMARY KEY (name)
) STRICT, WITHOUT ROWID;

-- +goose Down
DROP TABLE "gateway.counter";
