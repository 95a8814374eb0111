SET NOCOUNT ON;
SET XACT_ABORT ON;
DECLARE @at datetime2(3), @ms bigint, @chain int, @noting int, @before int, @place bigint, @previous char(64), @hash char(64), @sum varbinary(32), @records varchar(max);
DECLARE @a TABLE (n int NOT NULL PRIMARY KEY, record varchar(162) NOT NULL);
DECLARE @s TABLE (n int NOT NULL PRIMARY KEY, id binary(16) NOT NULL, received datetime2(3) NOT NULL, route nvarchar(128) NOT NULL, endpoint nvarchar(256) NOT NULL,
  mapping nvarchar(256) NOT NULL, contract binary(32) NOT NULL, principal nvarchar(400) NOT NULL, sender nvarchar(400) NOT NULL, ident nvarchar(400) NOT NULL, body binary(32) NOT NULL,
  ctype nvarchar(255) NOT NULL, okey nvarchar(400) NOT NULL, trace nvarchar(64) NOT NULL, correlation nvarchar(1000) NOT NULL, outcome varchar(16) NOT NULL, replay binary(16) NULL,
  packing tinyint NOT NULL, po int NOT NULL, pl int NOT NULL, ro int NOT NULL, rl int NOT NULL, eo int NOT NULL, el int NOT NULL);
DECLARE @k TABLE (n int NOT NULL, name nvarchar(128) COLLATE Latin1_General_BIN2 NOT NULL, value nvarchar(200) COLLATE Latin1_General_BIN2 NOT NULL);
DECLARE @d TABLE (o int NOT NULL PRIMARY KEY, n int NOT NULL, ordinal int NOT NULL, channel nvarchar(128) COLLATE Latin1_General_BIN2 NOT NULL, shard int NOT NULL, wire char(32) NOT NULL,
  rkey nvarchar(1000) NOT NULL, type nvarchar(255) NOT NULL, ctype nvarchar(255) NOT NULL, bo int NOT NULL, bl int NOT NULL);
DECLARE @c TABLE (channel nvarchar(128) COLLATE Latin1_General_BIN2 NOT NULL, shard int NOT NULL, cnt int NOT NULL, base bigint NULL, PRIMARY KEY (channel, shard));
DECLARE @h TABLE (n int NOT NULL PRIMARY KEY, id binary(16) NOT NULL, again int NOT NULL, received datetime2(3) NOT NULL, route nvarchar(128) NOT NULL, endpoint nvarchar(256) NOT NULL,
  mapping nvarchar(256) NOT NULL, contract binary(32) NOT NULL, principal nvarchar(400) NOT NULL, login nvarchar(400) NOT NULL, sender nvarchar(400) NOT NULL, ident nvarchar(400) NOT NULL,
  body binary(32) NOT NULL, ctype nvarchar(255) NOT NULL, okey nvarchar(400) NOT NULL, trace nvarchar(64) NOT NULL, correlation nvarchar(1000) NOT NULL, origin binary(32) NULL,
  properties nvarchar(max) NOT NULL, state varchar(16) NOT NULL, code varchar(16) NOT NULL, reason nvarchar(4000) NOT NULL, attempts int NOT NULL, due datetime2(3) NULL, until datetime2(3) NULL,
  packing tinyint NOT NULL, po int NOT NULL, pl int NOT NULL, cause nvarchar(200) NOT NULL);
DECLARE @x TABLE (id binary(16) NOT NULL PRIMARY KEY, how int NOT NULL, who nvarchar(400) NOT NULL, state varchar(16) NULL, route nvarchar(128) COLLATE Latin1_General_BIN2 NULL,
  okey nvarchar(400) COLLATE Latin1_General_BIN2 NULL);
DECLARE @l TABLE (message binary(16) NOT NULL, id binary(16) NOT NULL, what varchar(16) NOT NULL, who nvarchar(400) NOT NULL, code varchar(16) NOT NULL, reason nvarchar(4000) NOT NULL);
SET @at = CONVERT(datetime2(3), JSON_VALUE(@meta, '$.at'));
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
  type nvarchar(255) '$[7]', ctype nvarchar(255) '$[8]', bo int '$[9]', bl int '$[10]') AS j;
IF @lot = 1
BEGIN
INSERT INTO @h (n, id, again, received, route, endpoint, mapping, contract, principal, login, sender, ident, body, ctype, okey, trace, correlation, origin, properties, state, code, reason, attempts, due, until, packing, po, pl, cause)
SELECT j.n, CONVERT(binary(16), j.id, 2), j.again, j.received, j.route, j.endpoint, j.mapping, CONVERT(binary(32), j.contract, 2), j.principal, j.login, j.sender, j.ident, CONVERT(binary(32), j.body, 2),
  j.ctype, j.okey, j.trace, j.correlation, CONVERT(binary(32), j.origin, 2), j.properties, j.state, j.code, j.reason, j.attempts, j.due, j.until, j.packing, j.po, j.pl, j.cause
FROM OPENJSON(@meta, '$.h') WITH (n int '$[0]', id char(32) '$[1]', again int '$[2]', received datetime2(3) '$[3]', route nvarchar(128) '$[4]', endpoint nvarchar(256) '$[5]', mapping nvarchar(256) '$[6]',
  contract char(64) '$[7]', principal nvarchar(400) '$[8]', login nvarchar(400) '$[9]', sender nvarchar(400) '$[10]', ident nvarchar(400) '$[11]', body char(64) '$[12]', ctype nvarchar(255) '$[13]',
  okey nvarchar(400) '$[14]', trace nvarchar(64) '$[15]', correlation nvarchar(1000) '$[16]', origin char(64) '$[17]', properties nvarchar(max) '$[18]' AS JSON, state varchar(16) '$[19]', code varchar(16) '$[20]',
  reason nvarchar(4000) '$[21]', attempts int '$[22]', due datetime2(3) '$[23]', until datetime2(3) '$[24]', packing tinyint '$[25]', po int '$[26]', pl int '$[27]', cause nvarchar(200) '$[28]') AS j;
INSERT INTO @x (id, how, who)
SELECT CONVERT(binary(16), j.id, 2), j.how, j.who FROM OPENJSON(@meta, '$.x') WITH (id char(32) '$[0]', how int '$[1]', who nvarchar(400) '$[2]') AS j;
INSERT INTO @l (message, id, what, who, code, reason)
SELECT CONVERT(binary(16), j.message, 2), CONVERT(binary(16), j.id, 2), j.what, j.who, j.code, j.reason
FROM OPENJSON(@meta, '$.l') WITH (message char(32) '$[0]', id char(32) '$[1]', what varchar(16) '$[2]', who nvarchar(400) '$[3]', code varchar(16) '$[4]', reason nvarchar(4000) '$[5]') AS j;
UPDATE x SET state = h.state, route = h.route, okey = h.ordering_key FROM @x AS x INNER JOIN gateway.held AS h ON h.id = x.id;
DELETE l FROM @l AS l INNER JOIN @x AS x ON x.id = l.message WHERE x.state IS NULL OR NOT (x.state = 'waiting' OR x.state = 'parked' AND x.how = 2);
DELETE FROM @x WHERE state IS NULL OR NOT (state = 'waiting' OR state = 'parked' AND how = 2);
DELETE a FROM @a AS a WHERE SUBSTRING(a.record, 1, 2) = '03' AND NOT EXISTS (SELECT 1 FROM @x AS x WHERE x.how = 1 AND x.id = CONVERT(binary(16), SUBSTRING(a.record, 3, 32), 2));
DELETE h FROM @x AS x INNER JOIN gateway.held AS h ON h.id = x.id WHERE x.how = 1;
DELETE p FROM @x AS x INNER JOIN gateway.payload AS p ON p.message_id = x.id WHERE x.how = 1;
DELETE k FROM @x AS x INNER JOIN gateway.message_key AS k ON k.message_id = x.id WHERE x.how = 1;
UPDATE h SET state = 'replayed', next_at = NULL, until_at = NULL, closed_by = x.who FROM @x AS x INNER JOIN gateway.held AS h ON h.id = x.id WHERE x.how = 2;
UPDATE h SET state = v.state, code = v.code, reason = v.reason, attempts = v.attempts, next_at = v.due, until_at = v.until, cause = v.cause FROM @h AS v INNER JOIN gateway.held AS h ON h.id = v.id WHERE v.again = 1;
INSERT INTO gateway.held (id, received_at, route, endpoint, mapping, contract, principal, login, sender, "identity", body, content_type, ordering_key, traceparent, correlation, origin, properties,
  state, code, reason, attempts, next_at, until_at, cause)
SELECT v.id, v.received, v.route, v.endpoint, v.mapping, v.contract, v.principal, v.login, v.sender, v.ident, v.body, v.ctype, v.okey, v.trace, v.correlation, v.origin, v.properties,
  v.state, v.code, v.reason, v.attempts, v.due, v.until, v.cause FROM @h AS v WHERE v.again = 0;
INSERT INTO gateway.payload (message_id, packing, body) SELECT v.id, v.packing, SUBSTRING(@blob, v.po + 1, v.pl) FROM @h AS v WHERE v.again = 0;
INSERT INTO gateway.message_key (value, message_id, name) SELECT k.value, v.id, k.name FROM @k AS k INNER JOIN @h AS v ON v.n = k.n WHERE v.again = 0;
INSERT INTO gateway.attempt (message_id, id, at, what, done_by, code, reason)
SELECT l.message, l.id, @at, l.what, l.who, l.code, l.reason FROM @l AS l WHERE NOT EXISTS (SELECT 1 FROM gateway.attempt AS a WHERE a.message_id = l.message AND a.id = l.id);
UPDATE h SET next_at = @at FROM (SELECT DISTINCT x.route, x.okey FROM @x AS x) AS f
INNER JOIN gateway.held AS h ON h.id = (SELECT TOP (1) o.id FROM gateway.held AS o WHERE o.state = 'waiting' AND o.route = f.route AND o.ordering_key = f.okey ORDER BY o.id)
WHERE h.state = 'waiting' AND h.next_at IS NULL;
END
INSERT INTO gateway.message (id, received_at, route, endpoint, mapping, contract, principal, sender, "identity", body, content_type, ordering_key, traceparent, correlation, outcome, replay_of)
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
FROM @d AS d INNER JOIN @s AS s ON s.n = d.n INNER JOIN @c AS c ON c.channel = d.channel AND c.shard = d.shard;
SET @records = (SELECT STRING_AGG(CONVERT(varchar(max), a.record), '') WITHIN GROUP (ORDER BY a.n) FROM @a AS a);
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
INSERT INTO gateway.change (chain, seq, n, message_id, subject, row_key)
SELECT @chain, @place, j.o, s.id, j.subject, j.k
FROM OPENJSON(@meta, '$.w') WITH (o int '$[0]', n int '$[1]', subject nvarchar(1000) '$[2]', k nvarchar(max) '$[3]') AS j LEFT JOIN @s AS s ON s.n = j.n;
END
