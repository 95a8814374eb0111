-- +goose Up
-- What gateways have drawn of the quotas of a day: of a role or a partner, in
-- messages or bytes. The day is UTC's, as 2026-03-01.
CREATE TABLE gateway.quota (
  scope nvarchar(200) COLLATE Latin1_General_BIN2 NOT NULL,
  unit varchar(16) NOT NULL,
  day varchar(10) NOT NULL,
  drawn bigint NOT NULL,
  CONSTRAINT pk_gateway_quota PRIMARY KEY CLUSTERED (day, scope, unit),
  CONSTRAINT ck_gateway_quota_unit CHECK (unit IN ('messages', 'bytes'))
);

-- +goose Down
DROP TABLE gateway.quota;
