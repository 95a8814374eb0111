SELECT COUNT(*) FROM sys.objects AS q INNER JOIN sys.schemas AS s ON s.schema_id = q.schema_id WHERE s.name = @p1 AND q.name = @p2 AND q.type = 'SO';
