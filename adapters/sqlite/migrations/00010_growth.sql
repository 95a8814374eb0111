-- +goose Up
-- What waits and what is known may be a million rows, and neither may cost the next
-- message more than the first. A claim is a hash: found by an index of its own, each
-- would write another page of it. So claims are written one behind the other, and
-- entered into their index many at once, in its order; the gateway remembers those
-- that are not in it yet: whose number is above entered.upto. Numbers are never used
-- again.
CREATE TABLE "gateway.inbox_next" (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  claim BLOB NOT NULL,
  body BLOB NOT NULL,
  message_id BLOB NOT NULL
) STRICT;
INSERT INTO "gateway.inbox_next" (claim, body, message_id) SELECT claim, body, message_id FROM "gateway.inbox" ORDER BY message_id;
DROP TABLE "gateway.inbox";
ALTER TABLE "gateway.inbox_next" RENAME TO "gateway.inbox";
CREATE UNIQUE INDEX cx_gateway_inbox ON "gateway.inbox" (message_id);

-- The index: eight bytes of the claim lead to its number.
CREATE TABLE "gateway.claimed" (
  prefix BLOB NOT NULL,
  id INTEGER NOT NULL,
  CONSTRAINT pk_gateway_claimed PRIMARY KEY (prefix, id)
) STRICT, WITHOUT ROWID;
INSERT INTO "gateway.claimed" (prefix, id) SELECT substr(claim, 1, 8), id FROM "gateway.inbox" ORDER BY 1, 2;
CREATE TABLE "gateway.entered" (upto INTEGER NOT NULL) STRICT;
INSERT INTO "gateway.entered" (upto) SELECT coalesce(max(id), 0) FROM "gateway.inbox";
-- +goose StatementBegin
CREATE TRIGGER "gateway.inbox_gone" AFTER DELETE ON "gateway.inbox" BEGIN
  DELETE FROM "gateway.claimed" WHERE prefix = substr(old.claim, 1, 8) AND id = old.id;
END;
-- +goose StatementEnd

-- A delivery of some kilobytes fits into a page of a table with row numbers, not of
-- one without: there every comparison with it would read another page.
CREATE TABLE "gateway.outbox_next" (
  channel TEXT NOT NULL,
  shard INTEGER NOT NULL,
  seq INTEGER NOT NULL,
  wire_id TEXT NOT NULL,
  message_id BLOB NOT NULL,
  ordering_key TEXT NOT NULL,
  routing_key TEXT NOT NULL,
  type TEXT NOT NULL,
  content_type TEXT NOT NULL,
  correlation TEXT NOT NULL,
  traceparent TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  body BLOB NOT NULL,
  CONSTRAINT pk_gateway_outbox PRIMARY KEY (channel, shard, seq)
) STRICT;
INSERT INTO "gateway.outbox_next" SELECT channel, shard, seq, wire_id, message_id, ordering_key, routing_key, type, content_type, correlation, traceparent, created_at, body
  FROM "gateway.outbox" ORDER BY channel, shard, seq;
DROP TABLE "gateway.outbox";
ALTER TABLE "gateway.outbox_next" RENAME TO "gateway.outbox";
CREATE INDEX ix_gateway_outbox_key ON "gateway.outbox" (channel, shard, ordering_key, seq);

-- +goose Down
CREATE TABLE "gateway.outbox_last" (
  channel TEXT NOT NULL,
  shard INTEGER NOT NULL,
  seq INTEGER NOT NULL,
  wire_id TEXT NOT NULL,
  message_id BLOB NOT NULL,
  ordering_key TEXT NOT NULL,
  routing_key TEXT NOT NULL,
  type TEXT NOT NULL,
  content_type TEXT NOT NULL,
  correlation TEXT NOT NULL,
  traceparent TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  body BLOB NOT NULL,
  CONSTRAINT pk_gateway_outbox PRIMARY KEY (channel, shard, seq)
) STRICT, WITHOUT ROWID;
INSERT INTO "gateway.outbox_last" SELECT channel, shard, seq, wire_id, message_id, ordering_key, routing_key, type, content_type, correlation, traceparent, created_at, body
  FROM "gateway.outbox" ORDER BY channel, shard, seq;
DROP TABLE "gateway.outbox";
ALTER TABLE "gateway.outbox_last" RENAME TO "gateway.outbox";
CREATE INDEX ix_gateway_outbox_key ON "gateway.outbox" (channel, shard, ordering_key);
DROP TABLE "gateway.entered";
DROP TABLE "gateway.claimed";
CREATE TABLE "gateway.inbox_last" (
  claim BLOB NOT NULL,
  body BLOB NOT NULL,
  message_id BLOB NOT NULL,
  CONSTRAINT pk_gateway_inbox PRIMARY KEY (claim)
) STRICT, WITHOUT ROWID;
INSERT INTO "gateway.inbox_last" (claim, body, message_id) SELECT claim, body, message_id FROM "gateway.inbox" ORDER BY claim;
DROP TABLE "gateway.inbox";
ALTER TABLE "gateway.inbox_last" RENAME TO "gateway.inbox";
CREATE UNIQUE INDEX cx_gateway_inbox ON "gateway.inbox" (message_id);
