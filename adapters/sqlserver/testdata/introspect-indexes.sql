SELECT i.index_id, c.name, i.type, CONVERT(bit, CASE WHEN i.is_unique = 1 AND i.has_filter = 0 THEN 1 ELSE 0 END) FROM sys.indexes AS i
	INNER JOIN sys.index_columns AS ic ON ic.object_id = i.object_id AND ic.index_id = i.index_id AND ic.is_included_column = 0
	INNER JOIN sys.columns AS c ON c.object_id = ic.object_id AND c.column_id = ic.column_id
	WHERE i.object_id = (SELECT o.object_id FROM sys.objects AS o INNER JOIN sys.schemas AS s ON s.schema_id = o.schema_id
	WHERE s.name = @p1 AND o.name = @p2 AND o.type = 'U') AND i.type IN (1, 2) AND i.is_disabled = 0
	ORDER BY i.index_id, ic.key_ordinal;
