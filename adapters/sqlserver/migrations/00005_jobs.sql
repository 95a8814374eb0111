-- +goose Up
-- Why something is parked, without what differs from message to message: what the
-- parking lot is grouped by. Empty for what was parked before.
ALTER TABLE gateway.held ADD cause nvarchar(200) COLLATE Latin1_General_BIN2 NOT NULL CONSTRAINT df_gateway_held_cause DEFAULT '';
ALTER TABLE gateway.parked ADD cause nvarchar(200) COLLATE Latin1_General_BIN2 NOT NULL CONSTRAINT df_gateway_parked_cause DEFAULT '';
CREATE INDEX ix_gateway_held_cause ON gateway.held (state, route, code, cause, id);
CREATE INDEX ix_gateway_held_code ON gateway.held (state, code, id);
CREATE INDEX ix_gateway_parked_cause ON gateway.parked (channel, code, cause, behind, parked_at, message_id);

-- What operators have done to many messages at once, and how far it has come.
CREATE TABLE gateway.job (
  id binary(16) NOT NULL,
  act varchar(16) NOT NULL,
  selection nvarchar(max) NOT NULL,
  reason nvarchar(4000) NOT NULL,
  done_by nvarchar(400) NOT NULL,
  login nvarchar(400) NOT NULL,
  created_at datetime2(3) NOT NULL,
  changed_at datetime2(3) NOT NULL,
  rate int NOT NULL,
  state varchar(16) NOT NULL,
  note nvarchar(1000) NOT NULL,
  total int NOT NULL,
  succeeded int NOT NULL,
  refused int NOT NULL,
  gone int NOT NULL,
  streak int NOT NULL,
  streak_cause nvarchar(400) NOT NULL,
  position binary(16) NOT NULL,
  CONSTRAINT pk_gateway_job PRIMARY KEY CLUSTERED (id),
  CONSTRAINT ck_gateway_job_state CHECK (state IN ('running', 'paused', 'done', 'cancelled'))
);
CREATE INDEX ix_gateway_job_state ON gateway.job (state, id);

-- The messages of a job: those that were parked when it began.
CREATE TABLE gateway.job_item (
  job_id binary(16) NOT NULL,
  message_id binary(16) NOT NULL,
  state varchar(16) NOT NULL,
  code varchar(16) NOT NULL,
  CONSTRAINT pk_gateway_job_item PRIMARY KEY CLUSTERED (job_id, message_id),
  CONSTRAINT ck_gateway_job_item_state CHECK (state IN ('open', 'succeeded', 'refused', 'gone'))
);

-- +goose Down
DROP TABLE gateway.job_item;
DROP TABLE gateway.job;
DROP INDEX ix_gateway_parked_cause ON gateway.parked;
DROP INDEX ix_gateway_held_code ON gateway.held;
DROP INDEX ix_gateway_held_cause ON gateway.held;
ALTER TABLE gateway.parked DROP CONSTRAINT df_gateway_parked_cause;
ALTER TABLE gateway.parked DROP COLUMN cause;
ALTER TABLE gateway.held DROP CONSTRAINT df_gateway_held_cause;
ALTER TABLE gateway.held DROP COLUMN cause;
