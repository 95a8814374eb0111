SET NOCOUNT ON;
SET XACT_ABORT ON;
DECLARE @m TABLE (n int NOT NULL PRIMARY KEY, id binary(16) NOT NULL, claim binary(32) NOT NULL, body binary(32) NOT NULL, st int NOT NULL, first binary(16) NULL);
DECLARE @f TABLE (n int NOT NULL, t int NOT NULL, r int NOT NULL, c int NULL, why int NOT NULL);
DECLARE @t0 TABLE (n int NOT NULL, r int NOT NULL, p int NULL, ab varchar(1024) NULL, g int NULL, lead bit NOT NULL DEFAULT 0, stale bit NOT NULL DEFAULT 0, c0 nvarchar(20) COLLATE SQL_Latin1_General_CP1_CI_AS NULL, c1 nvarchar(120) COLLATE SQL_Latin1_General_CP1_CI_AS NULL, c2 nchar(2) COLLATE SQL_Latin1_General_CP1_CI_AS NULL, c3 nvarchar(254) COLLATE SQL_Latin1_General_CP1_CI_AS NULL, told bit NOT NULL DEFAULT 0, v0 bigint NULL, PRIMARY KEY (n, r));
DECLARE @t1 TABLE (n int NOT NULL, r int NOT NULL, p int NULL, ab varchar(1024) NULL, g int NULL, lead bit NOT NULL DEFAULT 0, stale bit NOT NULL DEFAULT 0, c0 nvarchar(20) COLLATE SQL_Latin1_General_CP1_CI_AS NULL, c1 bigint NULL, q1 int NULL, h1 int NULL, c2 nvarchar(12) COLLATE SQL_Latin1_General_CP1_CI_AS NULL, c3 nchar(3) COLLATE SQL_Latin1_General_CP1_CI_AS NULL, c4 datetime2(3) NULL, c5 date NULL, c6 nvarchar(2000) COLLATE SQL_Latin1_General_CP1_CI_AS NULL, c7 int NULL, told bit NOT NULL DEFAULT 0, v0 bigint NULL, PRIMARY KEY (n, r));
DECLARE @t2 TABLE (n int NOT NULL, r int NOT NULL, p int NULL, ab varchar(1024) NULL, g int NULL, lead bit NOT NULL DEFAULT 0, stale bit NOT NULL DEFAULT 0, c0 bigint NULL, q0 int NULL, h0 int NULL, c1 int NULL, c2 bigint NULL, f2 int NULL, k2_0 nvarchar(40) COLLATE SQL_Latin1_General_CP1_CI_AS NULL, c3 decimal(12,3) NULL, c4 nvarchar(4) COLLATE SQL_Latin1_General_CP1_CI_AS NULL, c5 decimal(15,4) NULL, c6 decimal(19,4) NULL, told bit NOT NULL DEFAULT 0, v0 bigint NULL, PRIMARY KEY (n, r));
DECLARE @t3 TABLE (n int NOT NULL, r int NOT NULL, p int NULL, ab varchar(1024) NULL, g int NULL, lead bit NOT NULL DEFAULT 0, stale bit NOT NULL DEFAULT 0, c0 bigint NULL, q0 int NULL, h0 int NULL, c1 nvarchar(60) COLLATE SQL_Latin1_General_CP1_CI_AS NULL, c2 nvarchar(200) COLLATE SQL_Latin1_General_CP1_CI_AS NULL, told bit NOT NULL DEFAULT 0, PRIMARY KEY (n, r));
DECLARE @w TABLE (n int NOT NULL PRIMARY KEY, held int NOT NULL, own int NOT NULL, route nvarchar(128) COLLATE Latin1_General_BIN2 NOT NULL,
  okey nvarchar(400) COLLATE Latin1_General_BIN2 NULL, origin binary(32) NULL, release binary(16) NULL, state varchar(16) NULL, asked int NOT NULL DEFAULT 0);
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
IF @lot = 1
BEGIN
INSERT INTO @w (n, held, own, route, okey, origin, release)
SELECT j.n, j.held, j.own, j.route, j.okey, CONVERT(binary(32), j.origin, 2), CONVERT(binary(16), j.release, 2)
FROM OPENJSON(@rows, '$.w') WITH (n int '$[0]', held int '$[1]', own int '$[2]', route nvarchar(128) '$[3]', okey nvarchar(400) '$[4]', origin char(64) '$[5]', release char(32) '$[6]') AS j;
UPDATE m SET st = 11 FROM @m AS m INNER JOIN @w AS w ON w.n = m.n WHERE w.held = 1;
UPDATE h SET attempts = h.attempts FROM (SELECT TOP (2147483647) a.release FROM @w AS a WHERE a.release IS NOT NULL ORDER BY a.release) AS w
INNER JOIN gateway.held AS h ON h.id = w.release OPTION (FORCE ORDER, LOOP JOIN);
UPDATE w SET state = h.state FROM @w AS w INNER JOIN gateway.held AS h ON h.id = w.release;
END
UPDATE m SET st = 1, first = b.message_id FROM @m AS m INNER JOIN gateway.inbox AS b ON b.claim = m.claim WHERE m.st = 0;
IF @lot = 1
BEGIN
UPDATE w SET asked = 1 FROM @w AS w INNER JOIN @m AS m ON m.n = w.n LEFT JOIN gateway.inbox AS b ON m.st = 1 AND b.claim = m.claim WHERE m.st <> 1 OR b.body <> m.body;
UPDATE m SET st = CASE WHEN h.state = 'waiting' THEN 7 ELSE 8 END, first = h.id
FROM @w AS w INNER JOIN @m AS m ON m.n = w.n INNER JOIN gateway.held AS h ON h.id = m.id WHERE w.asked = 1 AND w.release IS NULL;
UPDATE m SET st = CASE WHEN h.state = 'waiting' THEN 7 ELSE 8 END, first = h.id
FROM @w AS w INNER JOIN @m AS m ON m.n = w.n INNER JOIN gateway.held AS h WITH (UPDLOCK) ON h.origin = w.origin
WHERE w.asked = 1 AND w.release IS NULL AND m.st NOT IN (7, 8) AND h.state IN ('waiting', 'parked');
UPDATE m SET st = CASE WHEN w.own = 1 AND w.state = 'parked' THEN 8 ELSE 10 END, first = w.release
FROM @w AS w INNER JOIN @m AS m ON m.n = w.n
WHERE w.asked = 1 AND w.release IS NOT NULL AND (w.state IS NULL OR w.state NOT IN ('waiting', 'parked') OR w.own = 1 AND w.state <> 'waiting');
UPDATE m SET st = 9 FROM @w AS w INNER JOIN @m AS m ON m.n = w.n
WHERE m.st = 0 AND EXISTS (SELECT 1 FROM gateway.held AS h WHERE h.state = 'waiting' AND h.route = w.route AND h.ordering_key = w.okey AND h.id < m.id);
END
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
UPDATE t SET g = d.g FROM @t3 AS t INNER JOIN (SELECT a.n, a.r, DENSE_RANK() OVER (ORDER BY a.h0, a.c1) AS g FROM @t3 AS a) AS d ON d.n = t.n AND d.r = t.r;
INSERT INTO @f (n, t, r, c, why) SELECT d.n, 3, d.r, NULL, 2 FROM (SELECT a.n, a.r, ROW_NUMBER() OVER (PARTITION BY a.n, a.g ORDER BY a.r) AS k FROM @t3 AS a) AS d WHERE d.k > 1;
UPDATE @m SET st = 4 WHERE st = 0 AND n IN (SELECT f.n FROM @f AS f);
UPDATE m SET st = 5 FROM @m AS m WHERE m.st = 0 AND EXISTS (SELECT 1 FROM @t0 AS b INNER JOIN @t0 AS a ON a.g = b.g AND a.n < b.n INNER JOIN @m AS o ON o.n = a.n WHERE b.n = m.n AND o.st IN (0, 5) AND EXISTS (SELECT a.ab, CONVERT(varbinary(max), a.c0), CONVERT(varbinary(max), a.c1), CONVERT(varbinary(max), a.c2), CONVERT(varbinary(max), a.c3) EXCEPT SELECT b.ab, CONVERT(varbinary(max), b.c0), CONVERT(varbinary(max), b.c1), CONVERT(varbinary(max), b.c2), CONVERT(varbinary(max), b.c3)));
UPDATE m SET st = 5 FROM @m AS m WHERE m.st = 0 AND EXISTS (SELECT 1 FROM @t1 AS b INNER JOIN @t1 AS a ON a.g = b.g AND a.n < b.n INNER JOIN @m AS o ON o.n = a.n WHERE b.n = m.n AND o.st IN (0, 5));
UPDATE m SET st = 5 FROM @m AS m WHERE m.st = 0 AND EXISTS (SELECT 1 FROM @t2 AS b INNER JOIN @t2 AS a ON a.g = b.g AND a.n < b.n INNER JOIN @m AS o ON o.n = a.n WHERE b.n = m.n AND o.st IN (0, 5));
UPDATE m SET st = 5 FROM @m AS m WHERE m.st = 0 AND EXISTS (SELECT 1 FROM @t3 AS b INNER JOIN @t3 AS a ON a.g = b.g AND a.n < b.n INNER JOIN @m AS o ON o.n = a.n WHERE b.n = m.n AND o.st IN (0, 5) AND EXISTS (SELECT a.ab, a.h0, CONVERT(varbinary(max), a.c1), CONVERT(varbinary(max), a.c2) EXCEPT SELECT b.ab, b.h0, CONVERT(varbinary(max), b.c1), CONVERT(varbinary(max), b.c2)));
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
UPDATE t SET told = 1 FROM (SELECT TOP (2147483647) a.* FROM @t0 AS a ORDER BY a.g) AS o LEFT JOIN [crm].[customer] AS x WITH (UPDLOCK, SERIALIZABLE) ON x.[customer_no] = o.c0 INNER JOIN @t0 AS t ON t.n = o.n AND t.r = o.r WHERE t.lead = 1 AND t.stale = 0 AND (x.[customer_no] IS NULL OR EXISTS (SELECT CONVERT(varbinary(max), CASE WHEN SUBSTRING(t.ab, 2, 1) = 'a' THEN x.[name] ELSE t.c1 END), CONVERT(varbinary(max), CASE WHEN SUBSTRING(t.ab, 3, 1) = 'a' THEN x.[country] ELSE t.c2 END), CONVERT(varbinary(max), CASE WHEN SUBSTRING(t.ab, 4, 1) = 'a' THEN x.[email] ELSE t.c3 END) EXCEPT SELECT CONVERT(varbinary(max), x.[name]), CONVERT(varbinary(max), x.[country]), CONVERT(varbinary(max), x.[email]))) OPTION (FORCE ORDER, LOOP JOIN);
UPDATE x SET [name] = CASE WHEN SUBSTRING(t.ab, 2, 1) = 'a' THEN x.[name] ELSE t.c1 END, [country] = CASE WHEN SUBSTRING(t.ab, 3, 1) = 'a' THEN x.[country] ELSE t.c2 END, [email] = CASE WHEN SUBSTRING(t.ab, 4, 1) = 'a' THEN x.[email] ELSE t.c3 END
FROM (SELECT TOP (2147483647) a.* FROM @t0 AS a ORDER BY a.g) AS t INNER JOIN [crm].[customer] AS x WITH (UPDLOCK, SERIALIZABLE) ON x.[customer_no] = t.c0
WHERE t.lead = 1 AND t.stale = 0 AND EXISTS (SELECT CONVERT(varbinary(max), CASE WHEN SUBSTRING(t.ab, 2, 1) = 'a' THEN x.[name] ELSE t.c1 END), CONVERT(varbinary(max), CASE WHEN SUBSTRING(t.ab, 3, 1) = 'a' THEN x.[country] ELSE t.c2 END), CONVERT(varbinary(max), CASE WHEN SUBSTRING(t.ab, 4, 1) = 'a' THEN x.[email] ELSE t.c3 END) EXCEPT SELECT CONVERT(varbinary(max), x.[name]), CONVERT(varbinary(max), x.[country]), CONVERT(varbinary(max), x.[email])) OPTION (FORCE ORDER, LOOP JOIN);
INSERT INTO [crm].[customer] ([customer_no], [name], [country], [email])
SELECT t.c0, t.c1, t.c2, t.c3 FROM @t0 AS t WHERE t.lead = 1 AND t.stale = 0 AND NOT EXISTS (SELECT 1 FROM [crm].[customer] AS x WITH (UPDLOCK, SERIALIZABLE) WHERE x.[customer_no] = t.c0) ORDER BY t.g;
UPDATE t SET v0 = x.[id] FROM @t0 AS t INNER JOIN [crm].[customer] AS x ON x.[customer_no] = t.c0 OPTION (FORCE ORDER, LOOP JOIN);
UPDATE t SET c1 = b.v0 FROM @t1 AS t INNER JOIN @t0 AS b ON b.n = t.n AND b.r = t.q1;
UPDATE t SET stale = 1 FROM (SELECT TOP (2147483647) a.* FROM @t1 AS a ORDER BY a.g) AS o INNER JOIN [sales].[sales_order] AS x WITH (UPDLOCK, SERIALIZABLE) ON x.[order_no] = o.c0 INNER JOIN @t1 AS t ON t.n = o.n AND t.r = o.r WHERE t.stale = 0 AND x.[revision] > t.c7 OPTION (FORCE ORDER, LOOP JOIN);
UPDATE m SET st = 2 FROM @m AS m WHERE m.st = 0 AND EXISTS (SELECT 1 FROM @t1 AS t WHERE t.n = m.n AND t.stale = 1);
UPDATE t SET told = 1 FROM (SELECT TOP (2147483647) a.* FROM @t1 AS a ORDER BY a.g) AS o LEFT JOIN [sales].[sales_order] AS x WITH (UPDLOCK, SERIALIZABLE) ON x.[order_no] = o.c0 INNER JOIN @t1 AS t ON t.n = o.n AND t.r = o.r WHERE t.lead = 1 AND t.stale = 0 AND (x.[order_no] IS NULL OR EXISTS (SELECT CASE WHEN SUBSTRING(t.ab, 2, 1) = 'a' THEN x.[customer_id] ELSE t.c1 END, CONVERT(varbinary(max), CASE WHEN SUBSTRING(t.ab, 3, 1) = 'a' THEN x.[status] ELSE t.c2 END), CONVERT(varbinary(max), CASE WHEN SUBSTRING(t.ab, 4, 1) = 'a' THEN x.[currency] ELSE t.c3 END), CASE WHEN SUBSTRING(t.ab, 5, 1) = 'a' THEN x.[ordered_at] ELSE t.c4 END, CASE WHEN SUBSTRING(t.ab, 6, 1) = 'a' THEN x.[requested_delivery] ELSE t.c5 END, CONVERT(varbinary(max), CASE WHEN SUBSTRING(t.ab, 7, 1) = 'a' THEN x.[note] ELSE t.c6 END), CASE WHEN SUBSTRING(t.ab, 8, 1) = 'a' THEN x.[revision] ELSE t.c7 END EXCEPT SELECT x.[customer_id], CONVERT(varbinary(max), x.[status]), CONVERT(varbinary(max), x.[currency]), x.[ordered_at], x.[requested_delivery], CONVERT(varbinary(max), x.[note]), x.[revision])) OPTION (FORCE ORDER, LOOP JOIN);
UPDATE x SET [customer_id] = CASE WHEN SUBSTRING(t.ab, 2, 1) = 'a' THEN x.[customer_id] ELSE t.c1 END, [status] = CASE WHEN SUBSTRING(t.ab, 3, 1) = 'a' THEN x.[status] ELSE t.c2 END, [currency] = CASE WHEN SUBSTRING(t.ab, 4, 1) = 'a' THEN x.[currency] ELSE t.c3 END, [ordered_at] = CASE WHEN SUBSTRING(t.ab, 5, 1) = 'a' THEN x.[ordered_at] ELSE t.c4 END, [requested_delivery] = CASE WHEN SUBSTRING(t.ab, 6, 1) = 'a' THEN x.[requested_delivery] ELSE t.c5 END, [note] = CASE WHEN SUBSTRING(t.ab, 7, 1) = 'a' THEN x.[note] ELSE t.c6 END, [revision] = CASE WHEN SUBSTRING(t.ab, 8, 1) = 'a' THEN x.[revision] ELSE t.c7 END
FROM (SELECT TOP (2147483647) a.* FROM @t1 AS a ORDER BY a.g) AS t INNER JOIN [sales].[sales_order] AS x WITH (UPDLOCK, SERIALIZABLE) ON x.[order_no] = t.c0
WHERE t.lead = 1 AND t.stale = 0 AND EXISTS (SELECT CASE WHEN SUBSTRING(t.ab, 2, 1) = 'a' THEN x.[customer_id] ELSE t.c1 END, CONVERT(varbinary(max), CASE WHEN SUBSTRING(t.ab, 3, 1) = 'a' THEN x.[status] ELSE t.c2 END), CONVERT(varbinary(max), CASE WHEN SUBSTRING(t.ab, 4, 1) = 'a' THEN x.[currency] ELSE t.c3 END), CASE WHEN SUBSTRING(t.ab, 5, 1) = 'a' THEN x.[ordered_at] ELSE t.c4 END, CASE WHEN SUBSTRING(t.ab, 6, 1) = 'a' THEN x.[requested_delivery] ELSE t.c5 END, CONVERT(varbinary(max), CASE WHEN SUBSTRING(t.ab, 7, 1) = 'a' THEN x.[note] ELSE t.c6 END), CASE WHEN SUBSTRING(t.ab, 8, 1) = 'a' THEN x.[revision] ELSE t.c7 END EXCEPT SELECT x.[customer_id], CONVERT(varbinary(max), x.[status]), CONVERT(varbinary(max), x.[currency]), x.[ordered_at], x.[requested_delivery], CONVERT(varbinary(max), x.[note]), x.[revision]) OPTION (FORCE ORDER, LOOP JOIN);
INSERT INTO [sales].[sales_order] ([order_no], [customer_id], [status], [currency], [ordered_at], [requested_delivery], [note], [revision])
SELECT t.c0, t.c1, t.c2, t.c3, t.c4, t.c5, t.c6, CASE WHEN SUBSTRING(t.ab, 8, 1) = 'a' THEN ((1)) ELSE t.c7 END FROM @t1 AS t WHERE t.lead = 1 AND t.stale = 0 AND NOT EXISTS (SELECT 1 FROM [sales].[sales_order] AS x WITH (UPDLOCK, SERIALIZABLE) WHERE x.[order_no] = t.c0) ORDER BY t.g;
UPDATE t SET v0 = x.[id] FROM @t1 AS t INNER JOIN [sales].[sales_order] AS x ON x.[order_no] = t.c0 OPTION (FORCE ORDER, LOOP JOIN);
UPDATE t SET c0 = b.v0 FROM @t2 AS t INNER JOIN @t1 AS b ON b.n = t.n AND b.r = t.q0;
UPDATE t SET stale = 1 FROM @t2 AS t INNER JOIN @t1 AS b ON b.n = t.n AND b.r = t.p WHERE b.stale = 1;
UPDATE b SET told = 1 FROM @t1 AS b INNER JOIN [sales].[order_line] AS x ON x.[order_id] = b.v0 WHERE b.stale = 0 AND NOT EXISTS (SELECT 1 FROM @t2 AS t WHERE x.[order_id] = t.c0 AND x.[line_no] = t.c1);
DECLARE @d1 TABLE (c0 bigint NULL, c1 int NULL, v0 bigint NULL);
INSERT INTO @d1 SELECT x.[order_id], x.[line_no], x.[id] FROM (SELECT DISTINCT b.v0 AS ref FROM @t1 AS b WHERE b.stale = 0) AS d INNER JOIN [sales].[order_line] AS x ON x.[order_id] = d.ref WHERE NOT EXISTS (SELECT 1 FROM @t2 AS t WHERE x.[order_id] = t.c0 AND x.[line_no] = t.c1);
IF EXISTS (SELECT 1 FROM @d1)
BEGIN
DELETE x FROM @d1 AS d INNER JOIN [sales].[order_line_feature] AS x ON x.[line_id] = d.v0;
DELETE x FROM @d1 AS t INNER JOIN [sales].[order_line] AS x ON x.[order_id] = t.c0 AND x.[line_no] = t.c1;
END
UPDATE t SET told = 1 FROM (SELECT TOP (2147483647) a.* FROM @t2 AS a ORDER BY a.g) AS o LEFT JOIN [sales].[order_line] AS x WITH (UPDLOCK, SERIALIZABLE) ON x.[order_id] = o.c0 AND x.[line_no] = o.c1 INNER JOIN @t2 AS t ON t.n = o.n AND t.r = o.r WHERE t.lead = 1 AND t.stale = 0 AND (x.[order_id] IS NULL OR EXISTS (SELECT CASE WHEN SUBSTRING(t.ab, 3, 1) = 'a' THEN x.[product_id] ELSE t.c2 END, CASE WHEN SUBSTRING(t.ab, 4, 1) = 'a' THEN x.[quantity] ELSE t.c3 END, CONVERT(varbinary(max), CASE WHEN SUBSTRING(t.ab, 5, 1) = 'a' THEN x.[unit] ELSE t.c4 END), CASE WHEN SUBSTRING(t.ab, 6, 1) = 'a' THEN x.[unit_price] ELSE t.c5 END, CASE WHEN SUBSTRING(t.ab, 7, 1) = 'a' THEN x.[amount] ELSE t.c6 END EXCEPT SELECT x.[product_id], x.[quantity], CONVERT(varbinary(max), x.[unit]), x.[unit_price], x.[amount])) OPTION (FORCE ORDER, LOOP JOIN);
UPDATE x SET [product_id] = CASE WHEN SUBSTRING(t.ab, 3, 1) = 'a' THEN x.[product_id] ELSE t.c2 END, [quantity] = CASE WHEN SUBSTRING(t.ab, 4, 1) = 'a' THEN x.[quantity] ELSE t.c3 END, [unit] = CASE WHEN SUBSTRING(t.ab, 5, 1) = 'a' THEN x.[unit] ELSE t.c4 END, [unit_price] = CASE WHEN SUBSTRING(t.ab, 6, 1) = 'a' THEN x.[unit_price] ELSE t.c5 END, [amount] = CASE WHEN SUBSTRING(t.ab, 7, 1) = 'a' THEN x.[amount] ELSE t.c6 END
FROM (SELECT TOP (2147483647) a.* FROM @t2 AS a ORDER BY a.g) AS t INNER JOIN [sales].[order_line] AS x WITH (UPDLOCK, SERIALIZABLE) ON x.[order_id] = t.c0 AND x.[line_no] = t.c1
WHERE t.lead = 1 AND t.stale = 0 AND EXISTS (SELECT CASE WHEN SUBSTRING(t.ab, 3, 1) = 'a' THEN x.[product_id] ELSE t.c2 END, CASE WHEN SUBSTRING(t.ab, 4, 1) = 'a' THEN x.[quantity] ELSE t.c3 END, CONVERT(varbinary(max), CASE WHEN SUBSTRING(t.ab, 5, 1) = 'a' THEN x.[unit] ELSE t.c4 END), CASE WHEN SUBSTRING(t.ab, 6, 1) = 'a' THEN x.[unit_price] ELSE t.c5 END, CASE WHEN SUBSTRING(t.ab, 7, 1) = 'a' THEN x.[amount] ELSE t.c6 END EXCEPT SELECT x.[product_id], x.[quantity], CONVERT(varbinary(max), x.[unit]), x.[unit_price], x.[amount]) OPTION (FORCE ORDER, LOOP JOIN);
INSERT INTO [sales].[order_line] ([order_id], [line_no], [product_id], [quantity], [unit], [unit_price], [amount])
SELECT t.c0, t.c1, t.c2, t.c3, t.c4, t.c5, t.c6 FROM @t2 AS t WHERE t.lead = 1 AND t.stale = 0 AND NOT EXISTS (SELECT 1 FROM [sales].[order_line] AS x WITH (UPDLOCK, SERIALIZABLE) WHERE x.[order_id] = t.c0 AND x.[line_no] = t.c1) ORDER BY t.g;
UPDATE t SET v0 = x.[id] FROM @t2 AS t INNER JOIN [sales].[order_line] AS x ON x.[order_id] = t.c0 AND x.[line_no] = t.c1 OPTION (FORCE ORDER, LOOP JOIN);
UPDATE t SET c0 = b.v0 FROM @t3 AS t INNER JOIN @t2 AS b ON b.n = t.n AND b.r = t.q0;
UPDATE t SET stale = 1 FROM @t3 AS t INNER JOIN @t2 AS b ON b.n = t.n AND b.r = t.p WHERE b.stale = 1;
UPDATE b SET told = 1 FROM @t2 AS b INNER JOIN [sales].[order_line_feature] AS x ON x.[line_id] = b.v0 WHERE b.stale = 0 AND NOT EXISTS (SELECT 1 FROM @t3 AS t WHERE x.[line_id] = t.c0 AND x.[name] = t.c1);
DECLARE @d2 TABLE (c0 bigint NULL, c1 nvarchar(60) COLLATE SQL_Latin1_General_CP1_CI_AS NULL);
INSERT INTO @d2 SELECT x.[line_id], x.[name] FROM (SELECT DISTINCT b.v0 AS ref FROM @t2 AS b WHERE b.stale = 0) AS d INNER JOIN [sales].[order_line_feature] AS x ON x.[line_id] = d.ref WHERE NOT EXISTS (SELECT 1 FROM @t3 AS t WHERE x.[line_id] = t.c0 AND x.[name] = t.c1);
IF EXISTS (SELECT 1 FROM @d2)
BEGIN
DELETE x FROM @d2 AS t INNER JOIN [sales].[order_line_feature] AS x ON x.[line_id] = t.c0 AND x.[name] = t.c1;
END
UPDATE t SET told = 1 FROM (SELECT TOP (2147483647) a.* FROM @t3 AS a ORDER BY a.g) AS o LEFT JOIN [sales].[order_line_feature] AS x WITH (UPDLOCK, SERIALIZABLE) ON x.[line_id] = o.c0 AND x.[name] = o.c1 INNER JOIN @t3 AS t ON t.n = o.n AND t.r = o.r WHERE t.lead = 1 AND t.stale = 0 AND (x.[line_id] IS NULL OR EXISTS (SELECT CONVERT(varbinary(max), CASE WHEN SUBSTRING(t.ab, 3, 1) = 'a' THEN x.[value] ELSE t.c2 END) EXCEPT SELECT CONVERT(varbinary(max), x.[value]))) OPTION (FORCE ORDER, LOOP JOIN);
UPDATE x SET [value] = CASE WHEN SUBSTRING(t.ab, 3, 1) = 'a' THEN x.[value] ELSE t.c2 END
FROM (SELECT TOP (2147483647) a.* FROM @t3 AS a ORDER BY a.g) AS t INNER JOIN [sales].[order_line_feature] AS x WITH (UPDLOCK, SERIALIZABLE) ON x.[line_id] = t.c0 AND x.[name] = t.c1
WHERE t.lead = 1 AND t.stale = 0 AND EXISTS (SELECT CONVERT(varbinary(max), CASE WHEN SUBSTRING(t.ab, 3, 1) = 'a' THEN x.[value] ELSE t.c2 END) EXCEPT SELECT CONVERT(varbinary(max), x.[value])) OPTION (FORCE ORDER, LOOP JOIN);
INSERT INTO [sales].[order_line_feature] ([line_id], [name], [value])
SELECT t.c0, t.c1, t.c2 FROM @t3 AS t WHERE t.lead = 1 AND t.stale = 0 AND NOT EXISTS (SELECT 1 FROM [sales].[order_line_feature] AS x WITH (UPDLOCK, SERIALIZABLE) WHERE x.[line_id] = t.c0 AND x.[name] = t.c1) ORDER BY t.g;
IF (SELECT COUNT(*) FROM sys.objects AS o WHERE o.object_id = 1001 AND OBJECT_ID(N'[crm].[customer]', N'U') = 1001 AND CONVERT(varchar(23), o.modify_date, 126) = '2026-03-02T09:30:00.003'
  OR o.object_id = 1005 AND OBJECT_ID(N'[sales].[sales_order]', N'U') = 1005 AND CONVERT(varchar(23), o.modify_date, 126) = '2026-03-02T09:30:00.003'
  OR o.object_id = 1006 AND OBJECT_ID(N'[sales].[order_line]', N'U') = 1006 AND CONVERT(varchar(23), o.modify_date, 126) = '2026-03-02T09:30:00.003'
  OR o.object_id = 1002 AND OBJECT_ID(N'[catalog].[product]', N'U') = 1002 AND CONVERT(varchar(23), o.modify_date, 126) = '2026-03-02T09:30:00.003'
  OR o.object_id = 1007 AND OBJECT_ID(N'[sales].[order_line_feature]', N'U') = 1007 AND CONVERT(varchar(23), o.modify_date, 126) = '2026-03-02T09:30:00.003') <> 5 THROW 1947050112, 'a table was changed', 1;
DELETE b FROM gateway.inbox AS b INNER JOIN @m AS m ON m.claim = b.claim AND m.id = b.message_id WHERE m.st IN (4, 5);
SELECT m.n, m.st, m.first, b.body, g.outcome, rp.body, f.t, f.r, f.c, f.why, t1.v0
FROM @m AS m
LEFT JOIN gateway.inbox AS b ON m.st = 1 AND b.claim = m.claim
LEFT JOIN gateway.message AS g ON m.st = 1 AND g.id = m.first
LEFT JOIN gateway.reply AS rp ON m.st = 1 AND rp.message_id = m.first
LEFT JOIN @f AS f ON f.n = m.n
LEFT JOIN @t1 AS t1 ON t1.n = m.n
ORDER BY m.n, f.t, f.r, f.c;
UPDATE b SET told = 1 FROM @t2 AS b INNER JOIN @t3 AS t ON t.n = b.n AND t.q0 = b.r WHERE t.told = 1;
UPDATE b SET told = 1 FROM @t1 AS b INNER JOIN @t2 AS t ON t.n = b.n AND t.q0 = b.r WHERE t.told = 1;
SELECT CONVERT(int, NULL) AS n, t.v0 FROM @d1 AS t;
SELECT t.n, t.c0, CONVERT(bigint, x.[changed]) FROM @t0 AS t LEFT JOIN [crm].[customer] AS x ON x.[customer_no] = t.c0 INNER JOIN @m AS m ON m.n = t.n WHERE t.told = 1 AND m.st IN (0, 2) ORDER BY t.n, t.r;
SELECT t.n, t.c0, CONVERT(bigint, x.[changed]) FROM @t1 AS t LEFT JOIN [sales].[sales_order] AS x ON x.[order_no] = t.c0 INNER JOIN @m AS m ON m.n = t.n WHERE t.told = 1 AND m.st IN (0, 2) ORDER BY t.n, t.r;
SELECT t.n, t.v0, CONVERT(bigint, x.[changed]) FROM @t2 AS t LEFT JOIN [sales].[order_line] AS x ON x.[id] = t.v0 INNER JOIN @m AS m ON m.n = t.n WHERE t.told = 1 AND m.st IN (0, 2) ORDER BY t.n, t.r;
