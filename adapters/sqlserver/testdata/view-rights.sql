SELECT q.m, q.e, q.o0, q.o1, q.w0, q.w1, q.v0, q.v1, q.v2, CASE WHEN q.w1 = 1 THEN q.v3 END, q.v4, CASE WHEN q.w1 = 1 THEN q.v5 END, q.r0
FROM (SELECT p.m AS m, p.e AS e, p.o0 AS o0, p.o1 AS o1, 1 AS w0, CASE WHEN t.[status] = CAST(@p2 AS nvarchar(4000)) THEN 1 ELSE 0 END AS w1, t.[order_no] AS v0, t.[status] AS v1, t.[ordered_at] AS v2, t.[note] AS v3, j0.[customer_no] AS v4, j0.[name] AS v5, t.[id] AS r0
FROM (SELECT TOP (@p1) t.[ordered_at] AS o0, t.[order_no] AS o1, 1 AS m, 0 AS e
 FROM [sales].[sales_order] AS t WITH (INDEX([ix_sales_order_at]))
 ORDER BY t.[ordered_at], t.[order_no]) AS p
INNER JOIN [sales].[sales_order] AS t ON t.[order_no] = p.o1
 LEFT JOIN [crm].[customer] AS j0 ON j0.[id] = t.[customer_id]) AS q
ORDER BY q.o0, q.o1
OPTION (FORCE ORDER, LOOP JOIN, MAXDOP 1);
SELECT p.n, CASE WHEN SUBSTRING(p.w, 1, 1) = '1' THEN t.c0 END, CASE WHEN SUBSTRING(p.w, 2, 1) = '1' THEN t.c1 END, CASE WHEN SUBSTRING(p.w, 3, 1) = '1' THEN t.c2 END
FROM (SELECT j.n, j.w, j.k0 AS k0 FROM OPENJSON(@p1) WITH (n int '$[0]', w varchar(max) '$[1]', k0 bigint '$[2]') AS j) AS p CROSS APPLY (SELECT TOP (@p2) c.[line_no] AS c0, c.[quantity] AS c1, c.[amount] AS c2 FROM [sales].[order_line] AS c WITH (INDEX([uq_order_line]), FORCESEEK)
 WHERE c.[order_id] = p.k0 ORDER BY c.[line_no]) AS t
ORDER BY p.n, t.c0
OPTION (FORCE ORDER, LOOP JOIN, MAXDOP 1);
SELECT COALESCE(SUM(p.m), 0), COALESCE(MAX(p.e), 0) FROM (SELECT TOP (@p1) t.[ordered_at] AS o0, t.[order_no] AS o1, 1 AS m, 0 AS e
 FROM [sales].[sales_order] AS t WITH (INDEX([ix_sales_order_at]))
 ORDER BY t.[ordered_at], t.[order_no]) AS p
OPTION (FORCE ORDER, LOOP JOIN, MAXDOP 1);
