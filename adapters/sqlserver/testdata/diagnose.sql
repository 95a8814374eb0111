SELECT d.name, d.compatibility_level, d.is_read_committed_snapshot_on, d.delayed_durability_desc, d.recovery_model_desc,
	d.page_verify_option_desc, d.user_access_desc, d.is_auto_close_on, d.is_auto_shrink_on,
	CONVERT(nvarchar(60), DATABASEPROPERTYEX(d.name, 'Updateability')), CONVERT(nvarchar(60), SERVERPROPERTY('ProductVersion')), CONVERT(int, SERVERPROPERTY('EngineEdition'))
	FROM sys.databases AS d WHERE d.name = DB_NAME();
SELECT c.encrypt_option FROM sys.dm_exec_connections AS c WHERE c.session_id = @@SPID;
SELECT CONVERT(nvarchar(40), CONNECTIONPROPERTY('auth_scheme'));
SELECT SYSUTCDATETIME();
SELECT HAS_PERMS_BY_NAME(@p1, 'OBJECT', 'SELECT'), HAS_PERMS_BY_NAME(@p1, 'OBJECT', 'INSERT'),
	HAS_PERMS_BY_NAME(@p1, 'OBJECT', 'UPDATE'), HAS_PERMS_BY_NAME(@p1, 'OBJECT', 'DELETE');
SELECT USER_NAME(), COALESCE(SUSER_SNAME(), USER_NAME()), HAS_PERMS_BY_NAME(QUOTENAME(DB_NAME()), 'DATABASE', 'CONTROL'),
	HAS_PERMS_BY_NAME('gateway', 'SCHEMA', 'ALTER'), HAS_PERMS_BY_NAME(QUOTENAME(DB_NAME()), 'DATABASE', 'VIEW DEFINITION');
SELECT DISTINCT t.name, c.name, c.collation_name FROM sys.tables AS t
	INNER JOIN sys.schemas AS s ON s.schema_id = t.schema_id
	INNER JOIN sys.columns AS c ON c.object_id = t.object_id
	INNER JOIN sys.index_columns AS k ON k.object_id = c.object_id AND k.column_id = c.column_id AND k.is_included_column = 0
	WHERE s.name = 'gateway' AND TYPE_NAME(c.system_type_id) = 'nvarchar' AND UPPER(c.collation_name) NOT LIKE '%[_]BIN%'
	ORDER BY t.name, c.name;
SELECT COALESCE(c.collation_name, '') FROM sys.columns AS c WHERE c.object_id = (SELECT o.object_id FROM sys.objects AS o INNER JOIN sys.schemas AS s ON s.schema_id = o.schema_id
	WHERE s.name = @p1 AND o.name = @p2 AND o.type = 'U') AND c.name = @p3;
SELECT DISTINCT s.name, o.name, c.name FROM sys.foreign_keys AS f
	INNER JOIN sys.foreign_key_columns AS k ON k.constraint_object_id = f.object_id AND k.constraint_column_id = 1
	INNER JOIN sys.objects AS o ON o.object_id = k.parent_object_id
	INNER JOIN sys.schemas AS s ON s.schema_id = o.schema_id
	INNER JOIN sys.columns AS c ON c.object_id = k.parent_object_id AND c.column_id = k.parent_column_id
	WHERE f.is_disabled = 0 AND f.referenced_object_id = (SELECT o.object_id FROM sys.objects AS o INNER JOIN sys.schemas AS s ON s.schema_id = o.schema_id
	WHERE s.name = @p1 AND o.name = @p2 AND o.type = 'U') AND NOT EXISTS (SELECT 1 FROM sys.index_columns AS x
		INNER JOIN sys.indexes AS i ON i.object_id = x.object_id AND i.index_id = x.index_id AND i.is_disabled = 0 AND i.has_filter = 0
		WHERE x.object_id = k.parent_object_id AND x.column_id = k.parent_column_id AND x.key_ordinal = 1)
	ORDER BY s.name, o.name, c.name;
SELECT CASE WHEN (SELECT o.object_id FROM sys.objects AS o INNER JOIN sys.schemas AS s ON s.schema_id = o.schema_id
	WHERE s.name = @p1 AND o.name = @p2 AND o.type = 'U') IS NULL THEN -1 ELSE (SELECT COUNT(*) FROM sys.index_columns AS x
	INNER JOIN sys.indexes AS i ON i.object_id = x.object_id AND i.index_id = x.index_id AND i.is_disabled = 0 AND i.has_filter = 0
	INNER JOIN sys.columns AS c ON c.object_id = x.object_id AND c.column_id = x.column_id
	WHERE x.object_id = (SELECT o.object_id FROM sys.objects AS o INNER JOIN sys.schemas AS s ON s.schema_id = o.schema_id
	WHERE s.name = @p1 AND o.name = @p2 AND o.type = 'U') AND x.key_ordinal = 1 AND c.name = @p3) END;
