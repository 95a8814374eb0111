SELECT c.name, COALESCE(t.name, TYPE_NAME(c.user_type_id)), c.max_length, c.precision, c.scale, c.is_nullable, c.is_identity,
	CONVERT(bit, CASE WHEN c.is_computed = 1 OR c.generated_always_type <> 0 THEN 1 ELSE 0 END),
	COALESCE(c.collation_name, ''), COALESCE(CONVERT(int, COLLATIONPROPERTY(c.collation_name, 'CodePage')), 0), COALESCE(d.definition, '')
	FROM sys.columns AS c
	LEFT JOIN sys.types AS t ON t.user_type_id = c.system_type_id
	LEFT JOIN sys.default_constraints AS d ON d.object_id = c.default_object_id
	WHERE c.object_id = (SELECT o.object_id FROM sys.objects AS o INNER JOIN sys.schemas AS s ON s.schema_id = o.schema_id
	WHERE s.name = @p1 AND o.name = @p2 AND o.type = 'U') ORDER BY c.column_id;
