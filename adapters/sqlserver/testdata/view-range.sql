SELECT p.m AS m, p.e AS e, p.o0 AS o0, p.o1 AS o1, t.[order_no] AS v0, t.[status] AS v1, t.[ordered_at] AS v2, t.[note] AS v3, j0.[customer_no] AS v4, j0.[name] AS v5
FROM (SELECT TOP (@p1) t.[ordered_at] AS o0, t.[order_no] AS o1, 1 AS m, 0 AS e
 FROM [sales].[sales_order] AS t WITH (INDEX([ix_sales_order_status]), FORCESEEK)
 WHERE t.[status] = CAST(@p2 AS nvarchar(4000)) AND t.[ordered_at] >= CAST(@p3 AS datetime2(3))
 ORDER BY t.[ordered_at] DESC, t.[order_no] DESC) AS p
INNER JOIN [sales].[sales_order] AS t ON t.[order_no] = p.o1
 LEFT JOIN [crm].[customer] AS j0 ON j0.[id] = t.[customer_id]
ORDER BY p.o0 DESC, p.o1 DESC
OPTION (FORCE ORDER, LOOP JOIN, MAXDOP 1);
SELECT COALESCE(SUM(p.m), 0), COALESCE(MAX(p.e), 0) FROM (SELECT TOP (@p1) t.[ordered_at] AS o0, t.[order_no] AS o1, 1 AS m, 0 AS e
 FROM [sales].[sales_order] AS t WITH (INDEX([ix_sales_order_status]), FORCESEEK)
 WHERE t.[status] = CAST(@p2 AS nvarchar(4000)) AND t.[ordered_at] >= CAST(@p3 AS datetime2(3))
 ORDER BY t.[ordered_at] DESC, t.[order_no] DESC) AS p
OPTION (FORCE ORDER, LOOP JOIN, MAXDOP 1);
