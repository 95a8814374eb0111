DECLARE @below bigint = CONVERT(bigint, MIN_ACTIVE_ROWVERSION());
SELECT @below, CONVERT(bigint, @@DBTS);
SELECT TOP (@limit) WITH TIES CONVERT(bigint, x.[changed]), x.[area], x.[order_no] FROM [sales].[sales_order] AS x WITH (INDEX([ix_sales_order_changed]), FORCESEEK)
WHERE x.[changed] > CONVERT(binary(8), @after) AND x.[changed] < CONVERT(binary(8), @below) ORDER BY x.[changed] OPTION (MAXDOP 1);
