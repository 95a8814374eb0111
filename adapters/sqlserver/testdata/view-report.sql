SELECT TOP (@p4) r.*, CAST(DENSE_RANK() OVER (ORDER BY r.a0) AS bigint) AS k0, CAST(DENSE_RANK() OVER (ORDER BY r.g0) AS bigint) AS k1
FROM (SELECT q.m AS m, MAX(q.e) AS e, COUNT(*) AS n, q.g0 AS g0, q.g1 AS g1, q.g2 AS g2, q.g3 AS g3, q.g4 AS g4, q.g5 AS g5, COUNT(*) AS a0, CAST(COALESCE(MAX(CASE WHEN q.v1 IS NOT NULL THEN q.d1 END) - MAX(CASE WHEN q.v1 IS NULL THEN 1 ELSE 0 END), 0) AS bigint) AS a1, MIN(q.v2) AS a2, MAX(q.v3) AS a3
FROM (SELECT w.*, CAST(DENSE_RANK() OVER (PARTITION BY w.m, w.g0, w.g1, w.g2, w.g3, w.g4, w.g5 ORDER BY w.v1) AS bigint) AS d1
FROM (SELECT p.m AS m, p.e AS e, t.[status] AS g0, CAST(t.[ordered_at] AS date) AS g1, DATEADD(day, -((DATEDIFF(day, CAST('19000101' AS date), CAST(t.[ordered_at] AS date)) % 7 + 7) % 7), CAST(t.[ordered_at] AS date)) AS g2, DATEFROMPARTS(YEAR(CAST(t.[ordered_at] AS date)), MONTH(CAST(t.[ordered_at] AS date)), 1) AS g3, DATEFROMPARTS(YEAR(CAST(t.[ordered_at] AS date)), (MONTH(CAST(t.[ordered_at] AS date)) - 1) / 3 * 3 + 1, 1) AS g4, DATEFROMPARTS(YEAR(CAST(t.[ordered_at] AS date)), 1, 1) AS g5, j0.[customer_no] AS v1, t.[ordered_at] AS v2, t.[ordered_at] AS v3
FROM (SELECT TOP (@p1) t.[ordered_at] AS o0, t.[order_no] AS o1, 1 AS m, 0 AS e
 FROM [sales].[sales_order] AS t WITH (INDEX([ix_sales_order_status]), FORCESEEK)
 WHERE t.[status] = CAST(@p2 AS nvarchar(4000)) AND t.[ordered_at] >= CAST(@p3 AS datetime2(3))
 ORDER BY t.[ordered_at], t.[order_no]) AS p
LEFT JOIN [sales].[sales_order] AS t ON p.m = 1 AND t.[order_no] = p.o1
 LEFT JOIN [crm].[customer] AS j0 ON j0.[id] = t.[customer_id]) AS w) AS q
GROUP BY q.m, q.g0, q.g1, q.g2, q.g3, q.g4, q.g5) AS r
ORDER BY r.m, r.g0, r.g1, r.g2, r.g3, r.g4, r.g5
OPTION (FORCE ORDER, LOOP JOIN, MAXDOP 1);
