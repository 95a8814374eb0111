SELECT p.m AS m, p.e AS e, p.o0 AS o0, t.[order_no] AS v0, t.[status] AS v1, t.[ordered_at] AS v2, t.[note] AS v3, j0.[customer_no] AS v4, j0.[name] AS v5, t.[id] AS r0
FROM (SELECT TOP (@p1) t.[order_no] AS o0, 1 AS m, 0 AS e
 FROM [sales].[sales_order] AS t WITH (INDEX([uq_sales_order]), FORCESEEK)
 WHERE t.[order_no] = CAST(@p2 AS nvarchar(4000))) AS p
INNER JOIN [sales].[sales_order] AS t ON t.[order_no] = p.o0
 LEFT JOIN [crm].[customer] AS j0 ON j0.[id] = t.[customer_id]
ORDER BY p.o0
OPTION (FORCE ORDER, LOOP JOIN, MAXDOP 1);
SELECT p.n, t.c0, t.c1, t.c2, t.c3
FROM (SELECT j.n, j.w, j.k0 AS k0 FROM OPENJSON(@p1) WITH (n int '$[0]', w varchar(max) '$[1]', k0 bigint '$[2]') AS j) AS p CROSS APPLY (SELECT TOP (@p2) c.[line_no] AS c0, c.[quantity] AS c1, c.[amount] AS c2, c.[id] AS c3 FROM [sales].[order_line] AS c WITH (INDEX([uq_order_line]), FORCESEEK)
 WHERE c.[order_id] = p.k0 ORDER BY c.[line_no]) AS t
ORDER BY p.n, t.c0
OPTION (FORCE ORDER, LOOP JOIN, MAXDOP 1);
SELECT p.n, t.c0, t.c1
FROM (SELECT j.n, j.w, j.k0 AS k0 FROM OPENJSON(@p1) WITH (n int '$[0]', w varchar(max) '$[1]', k0 bigint '$[2]') AS j) AS p CROSS APPLY (SELECT TOP (@p2) c.[name] AS c0, c.[value] AS c1 FROM [sales].[order_line_feature] AS c WITH (INDEX([uq_order_line_feature]), FORCESEEK)
 WHERE c.[line_id] = p.k0 ORDER BY c.[name]) AS t
ORDER BY p.n, t.c0
OPTION (FORCE ORDER, LOOP JOIN, MAXDOP 1);
SELECT COALESCE(SUM(p.m), 0), COALESCE(MAX(p.e), 0) FROM (SELECT TOP (@p1) t.[order_no] AS o0, 1 AS m, 0 AS e
 FROM [sales].[sales_order] AS t WITH (INDEX([uq_sales_order]), FORCESEEK)
 WHERE t.[order_no] = CAST(@p2 AS nvarchar(4000))) AS p
OPTION (FORCE ORDER, LOOP JOIN, MAXDOP 1);
