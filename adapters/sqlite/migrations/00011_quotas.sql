-- +goose Up
-- What gateways have drawn of the quotas of a day: of a role or a partner, in
-- messages or bytes. The day is UTC's, as 2026-03-01.
CREATE TABLE "gateway.quota" (
  scope TEXT NOT NULL,
  unit TEXT NOT NULL,
  day TEXT NOT NULL,
  drawn INTEGER NOT NULL,
  CONSTRAINT pk_gateway_quota PRIMARY KEY (day, scope, unit),
  CONSTRAINT ck_gateway_quota_unit CHECK (unit IN ('messages', 'bytes'))
) STRICT, WITHOUT ROWID;

-- +goose Down
DROP TABLE "gateway.quota";
