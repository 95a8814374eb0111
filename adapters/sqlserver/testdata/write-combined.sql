SET NOCOUNT ON;
SET XACT_ABORT ON;
DECLARE @m TABLE (n int NOT NULL PRIMARY KEY, id binary(16) NOT NULL, claim binary(32) NOT NULL, body binary(32) NOT NULL, st int NOT NULL, first binary(16) NULL);
DECLARE @f TABLE (n int NOT NULL, t int NOT NULL, r int NOT NULL, c int NULL, why int NOT NULL);
DECLARE @t0 TABLE (n int NOT NULL, r int NOT NULL, p int NULL, ab varchar(1024) NULL, g int NULL, lead bit NOT NULL DEFAULT 0, stale bit NOT NULL DEFAULT 0, c0 nvarchar(20) COLLATE SQL_Latin1_General_CP1_CI_AS NULL, c1 nvarchar(120) COLLATE SQL_Latin1_General_CP1_CI_AS NULL, c2 nchar(2) COLLATE SQL_Latin1_General_CP1_CI_AS NULL, c3 nvarchar(254) COLLATE SQL_Latin1_General_CP1_CI_AS NULL, v0 bigint NULL, PRIMARY KEY (n, r));
DECLARE @t1 TABLE (n int NOT NULL, r int NOT NULL, p int NULL, ab varchar(1024) NULL, g int NULL, lead bit NOT NULL DEFAULT 0, stale bit NOT NULL DEFAULT 0, c0 nvarchar(20) COLLATE SQL_Latin1_General_CP1_CI_AS NULL, c1 bigint NULL, q1 int NULL, h1 int NULL, c2 nvarchar(12) COLLATE SQL_Latin1_General_CP1_CI_AS NULL, c3 nchar(3) COLLATE SQL_Latin1_General_CP1_CI_AS NULL, c4 datetime2(3) NULL, c5 date NULL, c6 nvarchar(2000) COLLATE SQL_Latin1_General_CP1_CI_AS NULL, c7 int NULL, v0 bigint NULL, PRIMARY KEY (n, r));
DECLARE @t2 TABLE (n int NOT NULL, r int NOT NULL, p int NULL, ab varchar(1024) NULL, g int NULL, lead bit NOT NULL DEFAULT 0, stale bit NOT NULL DEFAULT 0, c0 bigint NULL, q0 int NULL, h0 int NULL, c1 int NULL, c2 bigint NULL, f2 int NULL, k2_0 nvarchar(40) COLLATE SQL_Latin1_General_CP1_CI_AS NULL, c3 decimal(12,3) NULL, c4 nvarchar(4) COLLATE SQL_Latin1_General_CP1_CI_AS NULL, c5 decimal(15,4) NULL, c6 decimal(19,4) NULL, v0 bigint NULL, PRIMARY KEY (n, r));
DECLARE @t3 TABLE (n int NOT NULL, r int NOT NULL, p int NULL, ab varchar(1024) NULL, g int NULL, lead bit NOT NULL DEFAULT 0, stale bit NOT NULL DEFAULT 0, c0 bigint NULL, q0 int NULL, h0 int NULL, c1 nvarchar(60) COLLATE SQL_Latin1_General_CP1_CI_AS NULL, c2 nvarchar(200) COLLATE SQL_Latin1_General_CP1_CI_AS NULL, PRIMARY KEY (n, r));
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
INSERT INTO @m (n, id, claim, body, st)
SELECT j.n, CONVERT(binary(16), j.id, 2), CONVERT(binary(32), j.claim, 2), CONVERT(binary(32), j.body, 2), 0
FROM OPENJSON(@rows, '$.m') WITH (n int '$[0]', id char(32) '$[1]', claim char(64) '$[2]', body char(64) '$[3]') AS j;
INSERT INTO @t0 (n, r, p, ab, c0, c1, c2, c3)
SELECT j.n, j.r, j.p, j.ab, j.c0, j.c1, j.c2, j.c3
FROM OPENJSON(@rows, '$.t0') WITH (n int '$[0]', r int '$[1]', p int '$[2]', ab varchar(1024) '$[3]', c0 nvarchar(20) '$[4]', c1 nvarchar(120) '$[5]', c2 nchar(2) '$[6]', c3 nvarchar(254) '$[7]') AS j;
INSERT INTO @t1 (n, r, p, ab, c0, q1, c2, c3, c4, c5, c6, c7)
SELECT j.n, j.r, j.p, j.ab, j.c0, j.q1, j.c2, j.c3, j.c4, j.c5, j.c6, j.c7
FROM OPENJSON(@rows, '$.t1') WITH (n int '$[0]', r int '$[1]', p int '$[2]', ab varchar(1024) '$[3]', c0 nvarchar(20) '$[4]', q1 int '$[5]', c2 nvarchar(12) '$[6]', c3 nchar(3) '$[7]', c4 datetime2(3) '$[8]', c5 date '$[9]', c6 nvarchar(2000) '$[10]', c7 int '$[11]') AS j;
INSERT INTO @t2 (n, r, p, ab, q0, c1, f2, k2_0, c3, c4, c5, c6)
SELECT j.n, j.r, j.p, j.ab, j.q0, j.c1, j.f2, j.k2_0, j.c3, j.c4, j.c5, j.c6
FROM OPENJSON(@rows, '$.t2') WITH (n int '$[0]', r int '$[1]', p int '$[2]', ab varchar(1024) '$[3]', q0 int '$[4]', c1 int '$[5]', f2 int '$[6]', k2_0 nvarchar(40) '$[7]', c3 decimal(12,3) '$[8]', c4 nvarchar(4) '$[9]', c5 decimal(15,4) '$[10]', c6 decimal(19,4) '$[11]') AS j;
INSERT INTO @t3 (n, r, p, ab, q0, c1, c2)
SELECT j.n, j.r, j.p, j.ab, j.q0, j.c1, j.c2
FROM OPENJSON(@rows, '$.t3') WITH (n int '$[0]', r int '$[1]', p int '$[2]', ab varchar(1024) '$[3]', q0 int '$[4]', c1 nvarchar(60) '$[5]', c2 nvarchar(200) '$[6]') AS j;
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
BEGIN TRANSACTION;
UPDATE m SET st = 1, first = b.message_id FROM @m AS m INNER JOIN gateway.inbox AS b ON b.claim = m.claim WHERE m.st = 0;
INSERT INTO gateway.inbox (claim, body, message_id) SELECT m.claim, m.body, m.id FROM @m AS m WHERE m.st = 0 ORDER BY m.claim;
UPDATE t SET c2 = x.[id], f2 = 2 FROM @t2 AS t INNER JOIN [catalog].[product] AS x ON x.[sku] = t.k2_0 WHERE t.f2 = 1;
INSERT INTO @f (n, t, r, c, why) SELECT t.n, 2, t.r, 2, 1 FROM @t2 AS t WHERE t.f2 = 1;
UPDATE @m SET st = 4 WHERE st = 0 AND n IN (SELECT f.n FROM @f AS f);
IF EXISTS (SELECT 1 FROM @m WHERE st <> 0)
BEGIN
DELETE t FROM @t0 AS t INNER JOIN @m AS m ON m.n = t.n WHERE m.st <> 0;
DELETE t FROM @t1 AS t INNER JOIN @m AS m ON m.n = t.n WHERE m.st <> 0;
DELETE t FROM @t2 AS t INNER JOIN @m AS m ON m.n = t.n WHERE m.st <> 0;
DELETE t FROM @t3 AS t INNER JOIN @m AS m ON m.n = t.n WHERE m.st <> 0;
END
UPDATE t SET g = d.g FROM @t0 AS t INNER JOIN (SELECT a.n, a.r, DENSE_RANK() OVER (ORDER BY a.c0) AS g FROM @t0 AS a) AS d ON d.n = t.n AND d.r = t.r;
INSERT INTO @f (n, t, r, c, why) SELECT d.n, 0, d.r, NULL, 2 FROM (SELECT a.n, a.r, ROW_NUMBER() OVER (PARTITION BY a.n, a.g ORDER BY a.r) AS k FROM @t0 AS a) AS d WHERE d.k > 1;
UPDATE t SET h1 = b.g FROM @t1 AS t INNER JOIN @t0 AS b ON b.n = t.n AND b.r = t.q1;
UPDATE t SET g = d.g FROM @t1 AS t INNER JOIN (SELECT a.n, a.r, DENSE_RANK() OVER (ORDER BY a.c0) AS g FROM @t1 AS a) AS d ON d.n = t.n AND d.r = t.r;
INSERT INTO @f (n, t, r, c, why) SELECT d.n, 1, d.r, NULL, 2 FROM (SELECT a.n, a.r, ROW_NUMBER() OVER (PARTITION BY a.n, a.g ORDER BY a.r) AS k FROM @t1 AS a) AS d WHERE d.k > 1;
UPDATE t SET h0 = b.g FROM @t2 AS t INNER JOIN @t1 AS b ON b.n = t.n AND b.r = t.q0;
UPDATE t SET g = d.g FROM @t2 AS t INNER JOIN (SELECT a.n, a.r, DENSE_RANK() OVER (ORDER BY a.h0, a.c1) AS g FROM @t2 AS a) AS d ON d.n = t.n AND d.r = t.r;
INSERT INTO @f (n, t, r, c, why) SELECT d.n, 2, d.r, NULL, 2 FROM (SELECT a.n, a.r, ROW_NUMBER() OVER (PARTITION BY a.n, a.g ORDER BY a.r) AS k FROM @t2 AS a) AS d WHERE d.k > 1;
UPDATE t SET h0 = b.g FROM @t3 AS t INNER JOIN @t2 AS b ON b.n = t.n AND b.r = t.q0;
UPDATE t SET g = d.g FROM @t3 AS t INNER JOIN (SELECT a.n, a.r, ROW_NUMBER() OVER (ORDER BY a.n, a.r) AS g FROM @t3 AS a) AS d ON d.n = t.n AND d.r = t.r;
UPDATE @m SET st = 4 WHERE st = 0 AND n IN (SELECT f.n FROM @f AS f);
UPDATE m SET st = 5 FROM @m AS m WHERE m.st = 0 AND EXISTS (SELECT 1 FROM @t1 AS b INNER JOIN @t1 AS a ON a.g = b.g AND a.n < b.n INNER JOIN @m AS o ON o.n = a.n WHERE b.n = m.n AND o.st IN (0, 5));
UPDATE m SET st = 5 FROM @m AS m WHERE m.st = 0 AND EXISTS (SELECT 1 FROM @t2 AS b INNER JOIN @t2 AS a ON a.g = b.g AND a.n < b.n INNER JOIN @m AS o ON o.n = a.n WHERE b.n = m.n AND o.st IN (0, 5) AND EXISTS (SELECT a.ab, a.h0, a.c1, a.c2, a.c3, CONVERT(varbinary(max), a.c4), a.c5, a.c6 EXCEPT SELECT b.ab, b.h0, b.c1, b.c2, b.c3, CONVERT(varbinary(max), b.c4), b.c5, b.c6));
IF EXISTS (SELECT 1 FROM @m WHERE st <> 0)
BEGIN
DELETE t FROM @t0 AS t INNER JOIN @m AS m ON m.n = t.n WHERE m.st <> 0;
DELETE t FROM @t1 AS t INNER JOIN @m AS m ON m.n = t.n WHERE m.st <> 0;
DELETE t FROM @t2 AS t INNER JOIN @m AS m ON m.n = t.n WHERE m.st <> 0;
DELETE t FROM @t3 AS t INNER JOIN @m AS m ON m.n = t.n WHERE m.st <> 0;
END
UPDATE t SET lead = 1 FROM @t0 AS t INNER JOIN (SELECT a.g, MIN(a.n) AS n FROM @t0 AS a GROUP BY a.g) AS d ON d.g = t.g AND d.n = t.n;
UPDATE t SET lead = 1 FROM @t1 AS t INNER JOIN (SELECT a.g, MIN(a.n) AS n FROM @t1 AS a GROUP BY a.g) AS d ON d.g = t.g AND d.n = t.n;
UPDATE t SET lead = 1 FROM @t2 AS t INNER JOIN (SELECT a.g, MIN(a.n) AS n FROM @t2 AS a GROUP BY a.g) AS d ON d.g = t.g AND d.n = t.n;
UPDATE t SET lead = 1 FROM @t3 AS t INNER JOIN (SELECT a.g, MIN(a.n) AS n FROM @t3 AS a GROUP BY a.g) AS d ON d.g = t.g AND d.n = t.n;
INSERT INTO [crm].[customer] ([customer_no], [name], [country], [email])
SELECT t.c0, t.c1, t.c2, t.c3 FROM @t0 AS t WHERE t.lead = 1 AND t.stale = 0 AND NOT EXISTS (SELECT 1 FROM [crm].[customer] AS x WITH (UPDLOCK, SERIALIZABLE) WHERE x.[customer_no] = t.c0) ORDER BY t.g;
UPDATE t SET v0 = x.[id] FROM @t0 AS t INNER JOIN [crm].[customer] AS x ON x.[customer_no] = t.c0 OPTION (FORCE ORDER, LOOP JOIN);
UPDATE t SET c1 = b.v0 FROM @t1 AS t INNER JOIN @t0 AS b ON b.n = t.n AND b.r = t.q1;
INSERT INTO @f (n, t, r, c, why) SELECT t.n, 1, t.r, NULL, 3 FROM (SELECT TOP (2147483647) a.* FROM @t1 AS a ORDER BY a.g) AS t INNER JOIN [sales].[sales_order] AS x WITH (UPDLOCK, SERIALIZABLE) ON x.[order_no] = t.c0 WHERE t.stale = 0 OPTION (FORCE ORDER, LOOP JOIN);
UPDATE @m SET st = 6 WHERE st IN (0, 2) AND n IN (SELECT f.n FROM @f AS f);
INSERT INTO [sales].[sales_order] ([order_no], [customer_id], [status], [currency], [ordered_at], [requested_delivery], [note], [revision])
SELECT t.c0, t.c1, t.c2, t.c3, t.c4, t.c5, t.c6, CASE WHEN SUBSTRING(t.ab, 8, 1) = 'a' THEN ((1)) ELSE t.c7 END FROM @t1 AS t WHERE t.lead = 1 AND t.stale = 0 AND NOT EXISTS (SELECT 1 FROM [sales].[sales_order] AS x WITH (UPDLOCK, SERIALIZABLE) WHERE x.[order_no] = t.c0) ORDER BY t.g;
UPDATE t SET v0 = x.[id] FROM @t1 AS t INNER JOIN [sales].[sales_order] AS x ON x.[order_no] = t.c0 OPTION (FORCE ORDER, LOOP JOIN);
UPDATE t SET c0 = b.v0 FROM @t2 AS t INNER JOIN @t1 AS b ON b.n = t.n AND b.r = t.q0;
UPDATE t SET stale = 1 FROM @t2 AS t INNER JOIN @t1 AS b ON b.n = t.n AND b.r = t.p WHERE b.stale = 1;
UPDATE x SET [product_id] = CASE WHEN SUBSTRING(t.ab, 3, 1) = 'a' THEN x.[product_id] ELSE t.c2 END, [quantity] = CASE WHEN SUBSTRING(t.ab, 4, 1) = 'a' THEN x.[quantity] ELSE t.c3 END, [unit] = CASE WHEN SUBSTRING(t.ab, 5, 1) = 'a' THEN x.[unit] ELSE t.c4 END, [unit_price] = CASE WHEN SUBSTRING(t.ab, 6, 1) = 'a' THEN x.[unit_price] ELSE t.c5 END, [amount] = CASE WHEN SUBSTRING(t.ab, 7, 1) = 'a' THEN x.[amount] ELSE t.c6 END
FROM (SELECT TOP (2147483647) a.* FROM @t2 AS a ORDER BY a.g) AS t INNER JOIN [sales].[order_line] AS x WITH (UPDLOCK, SERIALIZABLE) ON x.[order_id] = t.c0 AND x.[line_no] = t.c1
WHERE t.lead = 1 AND t.stale = 0 AND EXISTS (SELECT CASE WHEN SUBSTRING(t.ab, 3, 1) = 'a' THEN x.[product_id] ELSE t.c2 END, CASE WHEN SUBSTRING(t.ab, 4, 1) = 'a' THEN x.[quantity] ELSE t.c3 END, CONVERT(varbinary(max), CASE WHEN SUBSTRING(t.ab, 5, 1) = 'a' THEN x.[unit] ELSE t.c4 END), CASE WHEN SUBSTRING(t.ab, 6, 1) = 'a' THEN x.[unit_price] ELSE t.c5 END, CASE WHEN SUBSTRING(t.ab, 7, 1) = 'a' THEN x.[amount] ELSE t.c6 END EXCEPT SELECT x.[product_id], x.[quantity], CONVERT(varbinary(max), x.[unit]), x.[unit_price], x.[amount]) OPTION (FORCE ORDER, LOOP JOIN);
INSERT INTO [sales].[order_line] ([order_id], [line_no], [product_id], [quantity], [unit], [unit_price], [amount])
SELECT t.c0, t.c1, t.c2, t.c3, t.c4, t.c5, t.c6 FROM @t2 AS t WHERE t.lead = 1 AND t.stale = 0 AND NOT EXISTS (SELECT 1 FROM [sales].[order_line] AS x WITH (UPDLOCK, SERIALIZABLE) WHERE x.[order_id] = t.c0 AND x.[line_no] = t.c1) ORDER BY t.g;
UPDATE t SET v0 = x.[id] FROM @t2 AS t INNER JOIN [sales].[order_line] AS x ON x.[order_id] = t.c0 AND x.[line_no] = t.c1 OPTION (FORCE ORDER, LOOP JOIN);
UPDATE t SET c0 = b.v0 FROM @t3 AS t INNER JOIN @t2 AS b ON b.n = t.n AND b.r = t.q0;
UPDATE t SET stale = 1 FROM @t3 AS t INNER JOIN @t2 AS b ON b.n = t.n AND b.r = t.p WHERE b.stale = 1;
INSERT INTO [sales].[order_line_feature] ([line_id], [name], [value])
SELECT t.c0, t.c1, t.c2 FROM @t3 AS t WHERE t.lead = 1 AND t.stale = 0 ORDER BY t.g;
IF (SELECT COUNT(*) FROM sys.objects AS o WHERE o.object_id = 1001 AND OBJECT_ID(N'[crm].[customer]', N'U') = 1001 AND CONVERT(varchar(23), o.modify_date, 126) = '2026-03-02T09:30:00.003'
  OR o.object_id = 1005 AND OBJECT_ID(N'[sales].[sales_order]', N'U') = 1005 AND CONVERT(varchar(23), o.modify_date, 126) = '2026-03-02T09:30:00.003'
  OR o.object_id = 1006 AND OBJECT_ID(N'[sales].[order_line]', N'U') = 1006 AND CONVERT(varchar(23), o.modify_date, 126) = '2026-03-02T09:30:00.003'
  OR o.object_id = 1002 AND OBJECT_ID(N'[catalog].[product]', N'U') = 1002 AND CONVERT(varchar(23), o.modify_date, 126) = '2026-03-02T09:30:00.003'
  OR o.object_id = 1007 AND OBJECT_ID(N'[sales].[order_line_feature]', N'U') = 1007 AND CONVERT(varchar(23), o.modify_date, 126) = '2026-03-02T09:30:00.003') <> 5 THROW 1947050112, 'a table was changed', 1;
DELETE b FROM gateway.inbox AS b INNER JOIN @m AS m ON m.claim = b.claim AND m.id = b.message_id WHERE m.st IN (4, 5);
IF EXISTS (SELECT 1 FROM @m WHERE st = 6) ROLLBACK TRANSACTION;
ELSE
BEGIN
DELETE s FROM @s AS s INNER JOIN @m AS m ON m.n = s.n WHERE m.st NOT IN (0, 2);
UPDATE s SET outcome = 'superseded', rl = -1 FROM @s AS s INNER JOIN @m AS m ON m.n = s.n WHERE m.st = 2;
DELETE k FROM @k AS k INNER JOIN @m AS m ON m.n = k.n WHERE m.st NOT IN (0, 2);
DELETE d FROM @d AS d INNER JOIN @m AS m ON m.n = d.n WHERE m.st <> 0;
DELETE a FROM @a AS a INNER JOIN @m AS m ON m.n = a.n WHERE m.st NOT IN (0, 2);
UPDATE a SET record = '01' + SUBSTRING(a.record, 3, 160) FROM @a AS a INNER JOIN @m AS m ON m.n = a.n WHERE m.st = 2;
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
END
COMMIT TRANSACTION;
END
SELECT m.n, m.st, m.first, b.body, g.outcome, rp.body, f.t, f.r, f.c, f.why
FROM @m AS m
LEFT JOIN gateway.inbox AS b ON m.st = 1 AND b.claim = m.claim
LEFT JOIN gateway.message AS g ON m.st = 1 AND g.id = m.first
LEFT JOIN gateway.reply AS rp ON m.st = 1 AND rp.message_id = m.first
LEFT JOIN @f AS f ON f.n = m.n
ORDER BY m.n, f.t, f.r, f.c;
