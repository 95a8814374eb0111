-- applied
SELECT version, checksum, applied_at FROM gateway.migration WHERE name = @p1 ORDER BY version DESC;
-- confirm
DELETE FROM gateway.outbox WHERE channel = @p1 AND shard = @p2 AND seq IN (SELECT CONVERT(bigint, value) FROM OPENJSON(@p3));
-- deliveries
SELECT d.channel, d.shard, d.seq, d.wire_id, d.routing_key, p.reason,
			(SELECT TOP (1) CASE WHEN r.last_seq >= d.seq THEN r.confirmed_at END FROM gateway.relayed AS r
				WHERE r.channel = d.channel AND r.shard = d.shard AND r.first_seq <= d.seq ORDER BY r.first_seq DESC )
			FROM gateway.delivery AS d LEFT JOIN gateway.parked AS p ON p.channel = d.channel AND p.shard = d.shard AND p.seq = d.seq
			WHERE d.message_id = @p1 ORDER BY d.ordinal;
-- holdLease
UPDATE gateway.lease SET fence = fence WHERE channel = @p1 AND shard = @p2 AND owner = @p3 AND fence = @p4;
-- keys
SELECT name, value FROM gateway.message_key WHERE message_id = @p1 ORDER BY name, value;
-- list all
SELECT TOP (@p1) id, received_at, route, principal, sender, "identity", outcome FROM gateway.message ORDER BY id DESC ;
-- list before
SELECT TOP (@p2) id, received_at, route, principal, sender, "identity", outcome FROM gateway.message WHERE id < @p1 ORDER BY id DESC ;
-- list identity
SELECT TOP (@p2) id, received_at, route, principal, sender, "identity", outcome FROM gateway.message WHERE "identity" = @p1 ORDER BY id DESC ;
-- list key
SELECT TOP (@p2) id, received_at, route, principal, sender, "identity", outcome FROM gateway.message_key AS k INNER JOIN gateway.message AS m ON m.id = k.message_id WHERE k.value = @p1 AND NOT EXISTS (SELECT 1 FROM gateway.message_key AS o
			WHERE o.value = k.value AND o.message_id = k.message_id AND o.name < k.name) ORDER BY k.message_id DESC ;
-- list page of a key
SELECT TOP (@p3) id, received_at, route, principal, sender, "identity", outcome FROM gateway.message_key AS k INNER JOIN gateway.message AS m ON m.id = k.message_id WHERE k.value = @p1 AND NOT EXISTS (SELECT 1 FROM gateway.message_key AS o
			WHERE o.value = k.value AND o.message_id = k.message_id AND o.name < k.name) AND k.message_id < @p2 ORDER BY k.message_id DESC ;
-- list refusals: all
SELECT TOP (@p1) id, at, route, principal, code, reason, endpoint FROM gateway.refusal ORDER BY id DESC ;
-- list refusals: before
SELECT TOP (@p2) id, at, route, principal, code, reason, endpoint FROM gateway.refusal WHERE id < @p1 ORDER BY id DESC ;
-- list refusals: route
SELECT TOP (@p2) id, at, route, principal, code, reason, endpoint FROM gateway.refusal WHERE route = @p1 ORDER BY id DESC ;
-- list refusals: span
SELECT TOP (@p5) id, at, route, principal, code, reason, endpoint FROM gateway.refusal WHERE at >= @p1 AND id >= @p2 AND at < @p3 AND id < @p4 ORDER BY id DESC ;
-- list refusals: span of a route
SELECT TOP (@p6) id, at, route, principal, code, reason, endpoint FROM gateway.refusal WHERE at >= @p1 AND id >= @p2 AND at < @p3 AND id < @p4 AND route = @p5 ORDER BY id DESC ;
-- list route
SELECT TOP (@p2) id, received_at, route, principal, sender, "identity", outcome FROM gateway.message WHERE route = @p1 ORDER BY id DESC ;
-- list sender
SELECT TOP (@p2) id, received_at, route, principal, sender, "identity", outcome FROM gateway.message WHERE sender = @p1 ORDER BY id DESC ;
-- list span
SELECT TOP (@p5) id, received_at, route, principal, sender, "identity", outcome FROM gateway.message WHERE received_at >= @p1 AND id >= @p2 AND received_at < @p3 AND id < @p4 ORDER BY id DESC ;
-- list span of a route
SELECT TOP (@p6) id, received_at, route, principal, sender, "identity", outcome FROM gateway.message WHERE received_at >= @p1 AND id >= @p2 AND received_at < @p3 AND id < @p4 AND route = @p5 ORDER BY id DESC ;
-- list superseded
SELECT TOP (@p2) id, received_at, route, principal, sender, "identity", outcome FROM gateway.message WHERE outcome = @p1 AND outcome <> 'stored' ORDER BY id DESC ;
-- message
SELECT id, received_at, route, principal, sender, "identity", outcome, endpoint, mapping, contract, traceparent, content_type FROM gateway.message WHERE id = @p1;
-- openLease
INSERT INTO gateway.lease (channel, shard, owner, until, fence)
			SELECT @p1, @p2, @p3, DATEADD(millisecond, @p5, SYSUTCDATETIME()), 1
			WHERE NOT EXISTS (SELECT 1 FROM gateway.lease WITH (UPDLOCK, SERIALIZABLE) WHERE channel = @p1 AND shard = @p2);
-- openShard
INSERT INTO gateway.shard (channel, shard, next_seq)
			SELECT @p1, @p2, 1 WHERE NOT EXISTS (SELECT 1 FROM gateway.shard WITH (UPDLOCK, SERIALIZABLE) WHERE channel = @p1 AND shard = @p2);
-- parkBehind
INSERT INTO gateway.parked (channel, shard, seq, wire_id, message_id, ordering_key, routing_key, type, content_type, correlation, traceparent, created_at, body, behind, code, reason, attempts, parked_at)
			SELECT channel, shard, seq, wire_id, message_id, ordering_key, routing_key, type, content_type, correlation, traceparent, created_at, body, @p3, @p4, @p5, 0, @p6 FROM gateway.outbox
			WHERE channel = @p1 AND shard = @p2 AND seq <> @p3 AND seq IN (SELECT k.seq FROM gateway.outbox AS k WHERE k.channel = @p1 AND k.shard = @p2 AND k.ordering_key = @p7);
-- parkOne
INSERT INTO gateway.parked (channel, shard, seq, wire_id, message_id, ordering_key, routing_key, type, content_type, correlation, traceparent, created_at, body, behind, code, reason, attempts, parked_at)
			SELECT channel, shard, seq, wire_id, message_id, ordering_key, routing_key, type, content_type, correlation, traceparent, created_at, body, NULL, @p4, @p5, @p6, @p7 FROM gateway.outbox WHERE channel = @p1 AND shard = @p2 AND seq = @p3;
-- payload
SELECT packing, body FROM gateway.payload WHERE message_id = @p1;
-- pending
SELECT TOP (@p4) channel, shard, seq, wire_id, message_id, ordering_key, routing_key, type, content_type, correlation, traceparent, created_at, body FROM gateway.outbox AS o
			WHERE o.channel = @p1 AND o.shard = @p2 AND o.seq > @p3
			AND NOT EXISTS (SELECT 1 FROM gateway.parked AS p WHERE p.channel = o.channel AND p.shard = o.shard AND p.ordering_key = o.ordering_key)
			ORDER BY o.seq ;
-- ping
SELECT COUNT(*) FROM gateway.lease WHERE fence < 0;
-- readLease
SELECT fence FROM gateway.lease WHERE channel = @p1 AND shard = @p2 AND owner = @p3;
-- readParked
SELECT ordering_key FROM gateway.outbox WHERE channel = @p1 AND shard = @p2 AND seq = @p3;
-- record
INSERT INTO gateway.migration (name, version, checksum, applied_at) VALUES (@p1, @p2, @p3, @p4);
-- refusal
SELECT id, at, route, principal, code, reason, endpoint FROM gateway.refusal WHERE id = @p1;
-- refuse
INSERT INTO gateway.refusal (id, at, endpoint, route, principal, code, reason, remote, times)
			VALUES (@p1, @p2, @p3, @p4, @p5, @p6, @p7, @p8, @p9);
-- relayed
INSERT INTO gateway.relayed (channel, shard, first_seq, last_seq, confirmed_at, fence)
			SELECT @p1, @p2, @p3, @p4, @p5, @p6
			WHERE NOT EXISTS (SELECT 1 FROM gateway.relayed WITH (UPDLOCK, SERIALIZABLE) WHERE channel = @p1 AND shard = @p2 AND first_seq = @p3);
-- reply
SELECT body FROM gateway.reply WHERE message_id = @p1;
-- takeLease
UPDATE gateway.lease SET fence = fence + CASE WHEN owner = @p3 AND until > SYSUTCDATETIME() THEN 0 ELSE 1 END,
			owner = @p3, until = DATEADD(millisecond, @p5, SYSUTCDATETIME())
			WHERE channel = @p1 AND shard = @p2 AND (owner = @p3 OR until <= SYSUTCDATETIME());
-- unqueue
DELETE FROM gateway.outbox WHERE channel = @p1 AND shard = @p2 AND seq IN (SELECT k.seq FROM gateway.outbox AS k WHERE k.channel = @p1 AND k.shard = @p2 AND k.ordering_key = @p3);
-- unrecord
DELETE FROM gateway.migration WHERE name = @p1 AND version = @p2;
-- versionTable
SELECT COUNT(*) FROM sys.tables AS t INNER JOIN sys.schemas AS s ON s.schema_id = t.schema_id WHERE s.name = 'gateway' AND t.name = 'migration';
-- versionTable 1
IF SCHEMA_ID('gateway') IS NULL EXEC('CREATE SCHEMA gateway');
-- versionTable 2
IF OBJECT_ID('gateway.migration') IS NULL
CREATE TABLE gateway.migration (
  name varchar(32) NOT NULL,
  version bigint NOT NULL,
  checksum char(64) NOT NULL,
  applied_at datetime2(3) NOT NULL,
  CONSTRAINT pk_gateway_migration PRIMARY KEY (name, version)
);
