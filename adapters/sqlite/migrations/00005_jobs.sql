-- +goose Up
-- Why something is parked, without what differs from message to message: what the
-- parking lot is grouped by. Empty for what was parked before.
ALTER TABLE "gateway.held" ADD COLUMN cause TEXT NOT NULL DEFAULT '';
ALTER TABLE "gateway.parked" ADD COLUMN cause TEXT NOT NULL DEFAULT '';
CREATE INDEX ix_gateway_held_cause ON "gateway.held" (state, route, code, cause, id);
CREATE INDEX ix_gateway_held_code ON "gateway.held" (state, code, id);
CREATE INDEX ix_gateway_parked_cause ON "gateway.parked" (channel, code, cause, behind, parked_at, message_id);

-- What operators have done to many messages at once, and how far it has come.
CREATE TABLE "gateway.job" (
  id BLOB NOT NULL,
  act TEXT NOT NULL,
  selection TEXT NOT NULL,
  reason TEXT NOT NULL,
  done_by TEXT NOT NULL,
  login TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  changed_at INTEGER NOT NULL,
  rate INTEGER NOT NULL,
  state TEXT NOT NULL,
  note TEXT NOT NULL,
  total INTEGER NOT NULL,
  succeeded INTEGER NOT NULL,
  refused INTEGER NOT NULL,
  gone INTEGER NOT NULL,
  streak INTEGER NOT NULL,
  streak_cause TEXT NOT NULL,
  position BLOB NOT NULL,
  CONSTRAINT pk_gateway_job PRIMARY KEY (id),
  CONSTRAINT ck_gateway_job_state CHECK (state IN ('running', 'paused', 'done', 'cancelled'))
) STRICT, WITHOUT ROWID;
CREATE INDEX ix_gateway_job_state ON "gateway.job" (state, id);

-- The messages of a job: those that were parked when it began.
CREATE TABLE "gateway.job_item" (
  job_id BLOB NOT NULL,
  message_id BLOB NOT NULL,
  state TEXT NOT NULL,
  code TEXT NOT NULL,
  CONSTRAINT pk_gateway_job_item PRIMARY KEY (job_id, message_id),
  CONSTRAINT ck_gateway_job_item_state CHECK (state IN ('open', 'succeeded', 'refused', 'gone'))
) STRICT, WITHOUT ROWID;

-- +goose Down
DROP TABLE "gateway.job_item";
DROP TABLE "gateway.job";
DROP INDEX ix_gateway_parked_cause;
DROP INDEX ix_gateway_held_code;
DROP INDEX ix_gateway_held_cause;
ALTER TABLE "gateway.parked" DROP COLUMN cause;
ALTER TABLE "gateway.held" DROP COLUMN cause;
