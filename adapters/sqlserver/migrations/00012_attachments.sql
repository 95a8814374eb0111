-- +goose Up
-- What came with a message beside its envelope and is kept as a blob, by its
-- SHA-256. part counts from 1 as the message had it.
CREATE TABLE gateway.attachment (
  message_id binary(16) NOT NULL,
  part int NOT NULL,
  content_id nvarchar(400) NOT NULL,
  media_type nvarchar(255) NOT NULL,
  size bigint NOT NULL,
  sha256 binary(32) NOT NULL,
  CONSTRAINT pk_gateway_attachment PRIMARY KEY CLUSTERED (message_id, part)
);
CREATE INDEX ix_gateway_attachment_sha256 ON gateway.attachment (sha256);

-- +goose Down
DROP TABLE gateway.attachment;
