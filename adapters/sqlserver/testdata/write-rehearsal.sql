SAVE TRANSACTION rehearsal;
SELECT x.[id], x.[order_id], x.[line_no], x.[product_id], x.[quantity], x.[unit], x.[unit_price], x.[amount] FROM [sales].[order_line] AS x WHERE x.[order_id] = CONVERT(bigint, @p1) AND x.[line_no] = CONVERT(int, @p2);
ROLLBACK TRANSACTION rehearsal;
