-- +goose Up
-- What came with a message beside its envelope and is kept as a blob, by its
-- SHA-256. part counts from 1 as the message had it.
CREATE TABLE "gateway.attachment" (
  message_id BLOB NOT NULL,
  part INTEGER NOT NULL,
  content_id TEXT NOT NULL,
  media_type TEXT NOT NULL,
  size INTEGER NOT NULL,
  sha256 BLOB NOT NULL,
  CONSTRAINT pk_gateway_attachment PRIMARY KEY (message_id, part)
) STRICT, WITHOUT ROWID;
CREATE INDEX ix_gateway_attachment_sha256 ON "gateway.attachment" (sha256);

-- +goose Down
DROP TABLE "gateway.attachment";
