WITH w AS (SELECT j.n, OBJECT_ID(QUOTENAME(j.s) + N'.' + QUOTENAME(j.t), N'U') AS id
	FROM OPENJSON(@p1) WITH (n int '$[0]', s nvarchar(128) '$[1]', t nvarchar(128) '$[2]') AS j)
SELECT w.n, 0 AS kind, o.object_id AS a, 0 AS b, CONVERT(nvarchar(max), CONVERT(varchar(23), o.modify_date, 126)) COLLATE Latin1_General_BIN2 AS name,
	CONVERT(nvarchar(max), N'') COLLATE Latin1_General_BIN2 AS x, CONVERT(nvarchar(max), N'') COLLATE Latin1_General_BIN2 AS y, CONVERT(nvarchar(max), N'') COLLATE Latin1_General_BIN2 AS z,
	0 AS i, 0 AS j, 0 AS k, 0 AS flags
	FROM w INNER JOIN sys.objects AS o ON o.object_id = w.id
UNION ALL
SELECT w.n, 1, c.column_id, COALESCE(CONVERT(int, COLLATIONPROPERTY(c.collation_name, 'CodePage')), 0), CONVERT(nvarchar(max), c.name) COLLATE Latin1_General_BIN2,
	CONVERT(nvarchar(max), COALESCE(t.name, TYPE_NAME(c.user_type_id), N'')) COLLATE Latin1_General_BIN2, CONVERT(nvarchar(max), COALESCE(c.collation_name, N'')) COLLATE Latin1_General_BIN2,
	CONVERT(nvarchar(max), COALESCE(d.definition, N'')) COLLATE Latin1_General_BIN2, CONVERT(int, c.max_length), CONVERT(int, c.precision), CONVERT(int, c.scale),
	CASE WHEN c.is_nullable = 1 THEN 1 ELSE 0 END + CASE WHEN c.is_identity = 1 THEN 2 ELSE 0 END + CASE WHEN c.is_computed = 1 OR c.generated_always_type <> 0 THEN 4 ELSE 0 END
	FROM w INNER JOIN sys.columns AS c ON c.object_id = w.id
	LEFT JOIN sys.types AS t ON t.user_type_id = c.system_type_id
	LEFT JOIN sys.default_constraints AS d ON d.object_id = c.default_object_id
UNION ALL
SELECT w.n, 2, i.index_id, CONVERT(int, ic.key_ordinal), CONVERT(nvarchar(max), c.name) COLLATE Latin1_General_BIN2,
	CONVERT(nvarchar(max), COALESCE(i.name, N'')) COLLATE Latin1_General_BIN2, CONVERT(nvarchar(max), COALESCE(i.filter_definition, N'')) COLLATE Latin1_General_BIN2, N'', CONVERT(int, i.type), CONVERT(int, ic.partition_ordinal), 0,
	CASE WHEN i.has_filter = 1 THEN 1 ELSE 0 END + CASE WHEN i.is_disabled = 1 THEN 2 ELSE 0 END + CASE WHEN i.is_unique = 1 THEN 0 ELSE 4 END
	+ CASE WHEN ic.is_descending_key = 1 THEN 8 ELSE 0 END + CASE WHEN i.is_hypothetical = 1 THEN 16 ELSE 0 END
	FROM w INNER JOIN sys.indexes AS i ON i.object_id = w.id
	INNER JOIN sys.index_columns AS ic ON ic.object_id = i.object_id AND ic.index_id = i.index_id AND ic.is_included_column = 0
	INNER JOIN sys.columns AS c ON c.object_id = ic.object_id AND c.column_id = ic.column_id
UNION ALL
SELECT w.n, 3, f.object_id, k.constraint_column_id, CONVERT(nvarchar(max), c.name) COLLATE Latin1_General_BIN2,
	CONVERT(nvarchar(max), f.name) COLLATE Latin1_General_BIN2, CONVERT(nvarchar(max), QUOTENAME(s.name) + N'.' + QUOTENAME(o.name)) COLLATE Latin1_General_BIN2,
	CONVERT(nvarchar(max), r.name) COLLATE Latin1_General_BIN2, CONVERT(int, f.delete_referential_action), CONVERT(int, f.update_referential_action), 0,
	CASE WHEN f.is_disabled = 1 THEN 1 ELSE 0 END + CASE WHEN f.is_not_trusted = 1 THEN 2 ELSE 0 END
	FROM w INNER JOIN sys.foreign_keys AS f ON f.parent_object_id = w.id
	INNER JOIN sys.foreign_key_columns AS k ON k.constraint_object_id = f.object_id
	INNER JOIN sys.columns AS c ON c.object_id = k.parent_object_id AND c.column_id = k.parent_column_id
	INNER JOIN sys.columns AS r ON r.object_id = k.referenced_object_id AND r.column_id = k.referenced_column_id
	INNER JOIN sys.objects AS o ON o.object_id = f.referenced_object_id
	INNER JOIN sys.schemas AS s ON s.schema_id = o.schema_id
UNION ALL
SELECT w.n, 4, h.object_id, 0, CONVERT(nvarchar(max), h.name) COLLATE Latin1_General_BIN2, CONVERT(nvarchar(max), COALESCE(h.definition, N'')) COLLATE Latin1_General_BIN2, N'', N'', 0, 0, 0,
	CASE WHEN h.is_disabled = 1 THEN 1 ELSE 0 END
	FROM w INNER JOIN sys.check_constraints AS h ON h.parent_object_id = w.id
UNION ALL
SELECT w.n, 5, g.object_id, 0, CONVERT(nvarchar(max), g.name) COLLATE Latin1_General_BIN2, N'', N'', N'', 0, 0, 0, 0
	FROM w INNER JOIN sys.triggers AS g ON g.parent_id = w.id AND g.is_disabled = 0
ORDER BY 1, 2, 3, 4;
