package sqlserver

import "strings"

// The parts of the second statement. @s holds the messages to be recorded, @k
// their business keys, @d their deliveries; bodies are cut out of @blob.
const (
	sealDeclarations = `DECLARE @at datetime2(3), @ms bigint, @chain int, @noting int, @before int, @place bigint, @previous char(64), @hash char(64), @sum varbinary(32), @records varchar(max);
DECLARE @a TABLE (n int NOT NULL PRIMARY KEY, record varchar(162) NOT NULL);
DECLARE @s TABLE (n int NOT NULL PRIMARY KEY, id binary(16) NOT NULL, received datetime2(3) NOT NULL, route nvarchar(128) NOT NULL, endpoint nvarchar(256) NOT NULL,
  mapping nvarchar(256) NOT NULL, contract binary(32) NOT NULL, principal nvarchar(400) NOT NULL, sender nvarchar(400) NOT NULL, ident nvarchar(400) NOT NULL, body binary(32) NOT NULL,
  ctype nvarchar(255) NOT NULL, okey nvarchar(400) NOT NULL, trace nvarchar(64) NOT NULL, correlation nvarchar(1000) NOT NULL, outcome varchar(16) NOT NULL, replay binary(16) NULL,
  packing tinyint NOT NULL, po int NOT NULL, pl int NOT NULL, ro int NOT NULL, rl int NOT NULL, eo int NOT NULL, el int NOT NULL);
DECLARE @k TABLE (n int NOT NULL, name nvarchar(128) COLLATE Latin1_General_BIN2 NOT NULL, value nvarchar(200) COLLATE Latin1_General_BIN2 NOT NULL);
DECLARE @d TABLE (o int NOT NULL PRIMARY KEY, n int NOT NULL, ordinal int NOT NULL, channel nvarchar(128) COLLATE Latin1_General_BIN2 NOT NULL, shard int NOT NULL, wire char(32) NOT NULL,
  rkey nvarchar(1000) NOT NULL, type nvarchar(255) NOT NULL, ctype nvarchar(255) NOT NULL, bo int NOT NULL, bl int NOT NULL);
DECLARE @c TABLE (channel nvarchar(128) COLLATE Latin1_General_BIN2 NOT NULL, shard int NOT NULL, cnt int NOT NULL, base bigint NULL, PRIMARY KEY (channel, shard));`

	sealReading = `SET @at = CONVERT(datetime2(3), JSON_VALUE(@meta, '$.at'));
SET @ms = CONVERT(bigint, JSON_VALUE(@meta, '$.ms'));
SET @chain = CONVERT(int, JSON_VALUE(@meta, '$.chain'));
SET @noting = CONVERT(int, JSON_VALUE(@meta, '$.noting'));
INSERT INTO @a (n, record) SELECT j.n, j.record FROM OPENJSON(@meta, '$.r') WITH (n int '$[0]', record varchar(162) '$[1]') AS j;
INSERT INTO @s (n, id, received, route, endpoint, mapping, contract, principal, sender, ident, body, ctype, okey, trace, correlation, outcome, replay, packing, po, pl, ro, rl, eo, el)
SELECT j.n, CONVERT(binary(16), j.id, 2), j.received, j.route, j.endpoint, j.mapping, CONVERT(binary(32), j.contract, 2), j.principal, j.sender, j.ident, CONVERT(binary(32), j.body, 2),
  j.ctype, j.okey, j.trace, j.correlation, j.outcome, CONVERT(binary(16), j.replay, 2), j.packing, j.po, j.pl, j.ro, j.rl, j.eo, j.el
FROM OPENJSON(@meta, '$.m') WITH (n int '$[0]', id char(32) '$[1]', received datetime2(3) '$[2]', route nvarchar(128) '$[3]', endpoint nvarchar(256) '$[4]', mapping nvarchar(256) '$[5]',
  contract char(64) '$[6]', principal nvarchar(400) '$[7]', sender nvarchar(400) '$[8]', ident nvarchar(400) '$[9]', body char(64) '$[10]', ctype nvarchar(255) '$[11]', okey nvarchar(400) '$[12]',
  trace nvarchar(64) '$[13]', correlation nvarchar(1000) '$[14]', outcome varchar(16) '$[15]', replay char(32) '$[16]', packing tinyint '$[17]', po int '$[18]', pl int '$[19]', ro int '$[20]', rl int '$[21]', eo int '$[22]', el int '$[23]') AS j;
INSERT INTO @k (n, name, value)
SELECT DISTINCT j.n, j.name COLLATE Latin1_General_BIN2, j.value COLLATE Latin1_General_BIN2
FROM OPENJSON(@meta, '$.k') WITH (n int '$[0]', name nvarchar(128) '$[1]', value nvarchar(200) '$[2]') AS j;
INSERT INTO @d (o, n, ordinal, channel, shard, wire, rkey, type, ctype, bo, bl)
SELECT j.o, j.n, j.ordinal, j.channel, j.shard, j.wire, j.rkey, j.type, j.ctype, j.bo, j.bl
FROM OPENJSON(@meta, '$.d') WITH (o int '$[0]', n int '$[1]', ordinal int '$[2]', channel nvarchar(128) '$[3]', shard int '$[4]', wire char(32) '$[5]', rkey nvarchar(1000) '$[6]',
  type nvarchar(255) '$[7]', ctype nvarchar(255) '$[8]', bo int '$[9]', bl int '$[10]') AS j;`

	// sealSelection keeps, in a combined text, what the first part has let through.
	sealSelection = `DELETE s FROM @s AS s INNER JOIN @m AS m ON m.n = s.n WHERE m.st NOT IN (0, 2);
UPDATE s SET outcome = 'superseded', rl = -1 FROM @s AS s INNER JOIN @m AS m ON m.n = s.n WHERE m.st = 2;
DELETE k FROM @k AS k INNER JOIN @m AS m ON m.n = k.n WHERE m.st NOT IN (0, 2);
DELETE d FROM @d AS d INNER JOIN @m AS m ON m.n = d.n WHERE m.st <> 0;
DELETE a FROM @a AS a INNER JOIN @m AS m ON m.n = a.n WHERE m.st NOT IN (0, 2);
UPDATE a SET record = '01' + SUBSTRING(a.record, 3, 160) FROM @a AS a INNER JOIN @m AS m ON m.n = a.n WHERE m.st = 2;`

	sealWriting = `INSERT INTO gateway.message (id, received_at, route, endpoint, mapping, contract, principal, sender, "identity", body, content_type, ordering_key, traceparent, correlation, outcome, replay_of)
SELECT s.id, s.received, s.route, s.endpoint, s.mapping, s.contract, s.principal, s.sender, s.ident, s.body, s.ctype, s.okey, s.trace, s.correlation, s.outcome, s.replay FROM @s AS s;
INSERT INTO gateway.payload (message_id, packing, body, beside)
SELECT s.id, s.packing, SUBSTRING(@blob, s.po + 1, s.pl), CASE WHEN s.el >= 0 THEN SUBSTRING(@blob, s.eo + 1, s.el) END FROM @s AS s;
INSERT INTO gateway.message_key (value, message_id, name) SELECT k.value, s.id, k.name FROM @k AS k INNER JOIN @s AS s ON s.n = k.n;
INSERT INTO gateway.reply (message_id, body) SELECT s.id, SUBSTRING(@blob, s.ro + 1, s.rl) FROM @s AS s WHERE s.rl >= 0;
INSERT INTO gateway.attachment (message_id, part, content_id, media_type, size, sha256)
SELECT s.id, j.part, j.cid, j.mtype, j.size, CONVERT(binary(32), j.hash, 2)
FROM OPENJSON(@meta, '$.a') WITH (n int '$[0]', part int '$[1]', cid nvarchar(400) '$[2]', mtype nvarchar(255) '$[3]', size bigint '$[4]', hash char(64) '$[5]') AS j INNER JOIN @s AS s ON s.n = j.n;
INSERT INTO @c (channel, shard, cnt) SELECT d.channel, d.shard, COUNT(*) FROM @d AS d GROUP BY d.channel, d.shard;
UPDATE x SET next_seq = x.next_seq + c.cnt FROM @c AS c INNER JOIN gateway.shard AS x ON x.channel = c.channel AND x.shard = c.shard OPTION (FORCE ORDER, LOOP JOIN);
UPDATE c SET base = x.next_seq - c.cnt - 1 FROM @c AS c INNER JOIN gateway.shard AS x ON x.channel = c.channel AND x.shard = c.shard;
INSERT INTO gateway.delivery (message_id, ordinal, channel, shard, seq, wire_id, routing_key)
SELECT s.id, d.ordinal, d.channel, d.shard, c.base + ROW_NUMBER() OVER (PARTITION BY d.channel, d.shard ORDER BY d.o), d.wire, d.rkey
FROM @d AS d INNER JOIN @s AS s ON s.n = d.n INNER JOIN @c AS c ON c.channel = d.channel AND c.shard = d.shard;
INSERT INTO gateway.outbox (channel, shard, seq, wire_id, message_id, ordering_key, routing_key, type, content_type, correlation, traceparent, created_at, body)
SELECT d.channel, d.shard, c.base + ROW_NUMBER() OVER (PARTITION BY d.channel, d.shard ORDER BY d.o), d.wire, s.id, s.okey, d.rkey, d.type, d.ctype, s.correlation, s.trace, @at, SUBSTRING(@blob, d.bo + 1, d.bl)
FROM @d AS d INNER JOIN @s AS s ON s.n = d.n INNER JOIN @c AS c ON c.channel = d.channel AND c.shard = d.shard;`

	// sealChaining appends the batch to the lane's chain of the audit trail, last:
	// from here to the commit nobody else can append to it. What is hashed is text,
	// whose bytes are the same under every collation. The digits of the hash are
	// spelt one by one, for not every server that speaks the language converts
	// binary to hexadecimal text.
	sealChaining = `SET @records = (SELECT STRING_AGG(CONVERT(varchar(max), a.record), '') WITHIN GROUP (ORDER BY a.n) FROM @a AS a);
IF @records IS NOT NULL
BEGIN
UPDATE x SET seq = x.seq + 1 FROM gateway.chain AS x WHERE x.chain = @chain;
SELECT @place = x.seq, @previous = x.head, @before = x.noting FROM gateway.chain AS x WHERE x.chain = @chain;
SET @sum = HASHBYTES('SHA2_256', CONVERT(varchar(max), 'gatehouse-audit-1 ') + @previous + ' ' + CONVERT(varchar(11), @chain) + ' ' + CONVERT(varchar(20), @place) + ' ' + CONVERT(varchar(20), @ms) + ' batch ' + @records);
SET @hash = (SELECT STRING_AGG(SUBSTRING('0123456789abcdef', CONVERT(int, SUBSTRING(@sum, i.i, 1)) / 16 + 1, 1) + SUBSTRING('0123456789abcdef', CONVERT(int, SUBSTRING(@sum, i.i, 1)) % 16 + 1, 1), '') WITHIN GROUP (ORDER BY i.i)
FROM (VALUES (1), (2), (3), (4), (5), (6), (7), (8), (9), (10), (11), (12), (13), (14), (15), (16), (17), (18), (19), (20), (21), (22), (23), (24), (25), (26), (27), (28), (29), (30), (31), (32)) AS i(i));
UPDATE x SET head = @hash, noting = @noting FROM gateway.chain AS x WHERE x.chain = @chain;
IF @before <> @noting
INSERT INTO gateway.noted (chain, seq, noting) VALUES (@chain, @place, @noting);
INSERT INTO gateway.audit (chain, seq, at, kind, content, previous, hash) VALUES (@chain, @place, @at, 'batch', CONVERT(varbinary(max), @records, 2), @previous, @hash);
END`

	// sealNoting notes under the entry's number which rows of live tables were
	// written. Of one that was deleted nobody knows which message did so.
	sealNoting = `INSERT INTO gateway.change (chain, seq, n, message_id, subject, row_key)
SELECT @chain, @place, j.o, s.id, j.subject, j.k
FROM OPENJSON(@meta, '$.w') WITH (o int '$[0]', n int '$[1]', subject nvarchar(1000) '$[2]', k nvarchar(max) '$[3]') AS j LEFT JOIN @s AS s ON s.n = j.n;`

	// sealVersions leaves the numbers of the rows that were written, for whoever looks
	// for what others have written; those that were looked at already, of rows that are
	// as they were, are not asked for again.
	sealVersions = `INSERT INTO gateway.own_version (subject, version, row_hash)
SELECT DISTINCT j.subject, j.version, j.h
FROM OPENJSON(@meta, '$.w') WITH (version bigint '$[4]', subject char(64) '$[5]', h char(64) '$[6]') AS j
INNER JOIN gateway.sighting AS g ON g.subject = j.subject COLLATE Latin1_General_BIN2 AND g.version < j.version
WHERE NOT EXISTS (SELECT 1 FROM gateway.own_version AS o WHERE o.subject = g.subject AND o.version = j.version AND o.row_hash = j.h COLLATE Latin1_General_BIN2);`
)

// sealText is the second statement; with notes, of a plan that writes live tables, and
// with versions of one that says which writes were its own.
func sealText(notes, versions bool) string {
	chaining := strings.TrimSuffix(sealChaining, "END")
	if notes {
		chaining += sealNoting + "\n"
	}
	if versions {
		chaining += sealVersions + "\n"
	}
	chaining += "END"
	return strings.Join([]string{"SET NOCOUNT ON;\nSET XACT_ABORT ON;", sealDeclarations, heldDeclarations, sealReading,
		"IF @lot = 1\nBEGIN", heldReading, heldWriting, "END", sealWriting, chaining}, "\n")
}
