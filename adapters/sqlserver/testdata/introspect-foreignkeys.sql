SELECT f.name, c.name, s.name, o.name, r.name FROM sys.foreign_keys AS f
	INNER JOIN sys.foreign_key_columns AS k ON k.constraint_object_id = f.object_id
	INNER JOIN sys.columns AS c ON c.object_id = k.parent_object_id AND c.column_id = k.parent_column_id
	INNER JOIN sys.columns AS r ON r.object_id = k.referenced_object_id AND r.column_id = k.referenced_column_id
	INNER JOIN sys.objects AS o ON o.object_id = f.referenced_object_id
	INNER JOIN sys.schemas AS s ON s.schema_id = o.schema_id
	WHERE f.parent_object_id = (SELECT o.object_id FROM sys.objects AS o INNER JOIN sys.schemas AS s ON s.schema_id = o.schema_id
	WHERE s.name = @p1 AND o.name = @p2 AND o.type = 'U') ORDER BY f.object_id, k.constraint_column_id;
