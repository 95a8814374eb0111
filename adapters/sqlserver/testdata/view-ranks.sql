SELECT r.n FROM (SELECT CONVERT(bigint, DENSE_RANK() OVER (ORDER BY CAST(j.value AS nvarchar(4000)))) AS n, CONVERT(int, j.[key]) AS k FROM OPENJSON(@p1) AS j) AS r ORDER BY r.k;
SELECT CONVERT(int, snapshot_isolation_state) FROM sys.databases WHERE database_id = DB_ID();
SELECT chain, seq FROM gateway.chain ORDER BY chain;
CREATE INDEX [ix_sales_order_status_ordered_at] ON [sales].[sales_order] ([status], [ordered_at] DESC);
