SELECT p.m AS m, p.e AS e, p.o0 AS o0, t.[order_no] AS v0, t.[status] AS v1, t.[ordered_at] AS v2, t.[note] AS v3, j0.[customer_no] AS v4, j0.[name] AS v5
FROM (SELECT TOP (@p1) t.[order_no] AS o0, 1 AS m, 0 AS e
 FROM [sales].[sales_order] AS t WITH (INDEX([uq_sales_order]))
 WHERE t.[order_no] LIKE CAST(@p2 AS nvarchar(4000))
 ORDER BY t.[order_no]) AS p
INNER JOIN [sales].[sales_order] AS t ON t.[order_no] = p.o0
 LEFT JOIN [crm].[customer] AS j0 ON j0.[id] = t.[customer_id]
ORDER BY p.o0
OPTION (FORCE ORDER, LOOP JOIN, MAXDOP 1);
SELECT COALESCE(SUM(p.m), 0), COALESCE(MAX(p.e), 0) FROM (SELECT TOP (@p1) t.[order_no] AS o0, 1 AS m, 0 AS e
 FROM [sales].[sales_order] AS t WITH (INDEX([uq_sales_order]))
 WHERE t.[order_no] LIKE CAST(@p2 AS nvarchar(4000))
 ORDER BY t.[order_no]) AS p
OPTION (FORCE ORDER, LOOP JOIN, MAXDOP 1);
