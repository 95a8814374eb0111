-- +goose Up
-- Claims are entered into their index out of the memory of the gateway that remembers
-- them, which does not look whether they are still there. So one that is removed
-- before it is entered is noted, until the mark is past it; when nothing is left
-- between the mark and it, which is how what is old goes, the mark moves instead.
CREATE TABLE "gateway.unentered" (
  id INTEGER PRIMARY KEY
) STRICT;
-- +goose StatementBegin
CREATE TRIGGER "gateway.inbox_unentered" AFTER DELETE ON "gateway.inbox" WHEN old.id > (SELECT upto FROM "gateway.entered") BEGIN
  INSERT OR IGNORE INTO "gateway.unentered" (id) VALUES (old.id);
  UPDATE "gateway.entered" SET upto = old.id WHERE NOT EXISTS (SELECT 1 FROM "gateway.inbox" AS i WHERE i.id > upto AND i.id < old.id);
  DELETE FROM "gateway.unentered" WHERE id <= (SELECT upto FROM "gateway.entered");
END;
-- +goose StatementEnd

-- Keys often rise, as numbers of orders do. Behind the shard, each shard has another
-- page for them; before it, they are written where the last one was.
DROP INDEX ix_gateway_outbox_key;
CREATE INDEX ix_gateway_outbox_key ON "gateway.outbox" (ordering_key, channel, shard, seq);

-- +goose Down
DROP INDEX ix_gateway_outbox_key;
CREATE INDEX ix_gateway_outbox_key ON "gateway.outbox" (channel, shard, ordering_key, seq);
DROP TRIGGER "gateway.inbox_unentered";
DROP TABLE "gateway.unentered";
