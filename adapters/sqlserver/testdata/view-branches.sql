DECLARE @e0 bigint = (SELECT f.[id] FROM [crm].[customer] AS f WHERE f.[customer_no] = CAST(@p2 AS nvarchar(4000)));
DECLARE @e1 bigint = (SELECT f.[id] FROM [crm].[customer] AS f WHERE f.[customer_no] = CAST(@p3 AS nvarchar(4000)));
SELECT p.m AS m, p.e AS e, p.o0 AS o0, t.[order_no] AS v0, t.[status] AS v1, t.[ordered_at] AS v2, t.[note] AS v3, j0.[customer_no] AS v4, j0.[name] AS v5
FROM (SELECT TOP (@p1) u.o0 AS o0, MAX(u.m) AS m, MAX(u.e) AS e FROM (
SELECT b0.* FROM (SELECT TOP (@p1) t.[order_no] AS o0, 1 AS m, 0 AS e
 FROM [sales].[sales_order] AS t WITH (INDEX([ix_sales_order_customer]), FORCESEEK)
 WHERE t.[customer_id] = @e0
 ORDER BY t.[order_no]) AS b0
UNION ALL
SELECT b1.* FROM (SELECT TOP (@p1) t.[order_no] AS o0, 1 AS m, 0 AS e
 FROM [sales].[sales_order] AS t WITH (INDEX([ix_sales_order_customer]), FORCESEEK)
 WHERE t.[customer_id] = @e1
 ORDER BY t.[order_no]) AS b1) AS u GROUP BY u.o0 ORDER BY u.o0) AS p
INNER JOIN [sales].[sales_order] AS t ON t.[order_no] = p.o0
 LEFT JOIN [crm].[customer] AS j0 ON j0.[id] = t.[customer_id]
ORDER BY p.o0
OPTION (FORCE ORDER, LOOP JOIN, MAXDOP 1);
DECLARE @e0 bigint = (SELECT f.[id] FROM [crm].[customer] AS f WHERE f.[customer_no] = CAST(@p2 AS nvarchar(4000)));
DECLARE @e1 bigint = (SELECT f.[id] FROM [crm].[customer] AS f WHERE f.[customer_no] = CAST(@p3 AS nvarchar(4000)));
SELECT COALESCE(SUM(p.m), 0), COALESCE(MAX(p.e), 0) FROM (SELECT TOP (@p1) u.o0 AS o0, MAX(u.m) AS m, MAX(u.e) AS e FROM (
SELECT b0.* FROM (SELECT TOP (@p1) t.[order_no] AS o0, 1 AS m, 0 AS e
 FROM [sales].[sales_order] AS t WITH (INDEX([ix_sales_order_customer]), FORCESEEK)
 WHERE t.[customer_id] = @e0
 ORDER BY t.[order_no]) AS b0
UNION ALL
SELECT b1.* FROM (SELECT TOP (@p1) t.[order_no] AS o0, 1 AS m, 0 AS e
 FROM [sales].[sales_order] AS t WITH (INDEX([ix_sales_order_customer]), FORCESEEK)
 WHERE t.[customer_id] = @e1
 ORDER BY t.[order_no]) AS b1) AS u GROUP BY u.o0 ORDER BY u.o0) AS p
OPTION (FORCE ORDER, LOOP JOIN, MAXDOP 1);
