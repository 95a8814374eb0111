DECLARE @below bigint = CONVERT(bigint, MIN_ACTIVE_ROWVERSION()), @n int, @upto bigint;
SELECT @n = COUNT(*), @upto = MAX(p.v) FROM (SELECT TOP (@limit) CONVERT(bigint, x.[changed]) AS v FROM [sales].[sales_order] AS x WITH (INDEX([ix_sales_order_changed]), FORCESEEK) WHERE x.[changed] > CONVERT(binary(8), @after) AND x.[changed] < CONVERT(binary(8), @below) ORDER BY x.[changed]) AS p OPTION (MAXDOP 1);
SELECT @below, CONVERT(bigint, @@DBTS), @n, @upto;
SELECT CONVERT(bigint, x.[changed]), x.[area], x.[order_no] FROM [sales].[sales_order] AS x WITH (INDEX([ix_sales_order_changed]), FORCESEEK) WHERE x.[changed] > CONVERT(binary(8), @after) AND x.[changed] <= CONVERT(binary(8), @upto) ORDER BY x.[changed] OPTION (MAXDOP 1);
