-- What an administrator prepares once: the database, a login that changes its
-- tables, and one that only reads and writes rows. It may run again.
IF DB_ID(N'reporting') IS NULL CREATE DATABASE reporting;
GO
-- Readers and lanes do not wait for each other.
IF EXISTS (SELECT 1 FROM sys.databases WHERE name = N'reporting' AND is_read_committed_snapshot_on = 0)
  ALTER DATABASE reporting SET READ_COMMITTED_SNAPSHOT ON WITH ROLLBACK IMMEDIATE;
GO
IF SUSER_ID(N'gatehouse') IS NULL CREATE LOGIN gatehouse WITH PASSWORD = N'$(GATEHOUSE_PASSWORD)';
IF SUSER_ID(N'gatehouse_migrate') IS NULL CREATE LOGIN gatehouse_migrate WITH PASSWORD = N'$(MIGRATE_PASSWORD)';
GO
USE reporting;
GO
IF USER_ID(N'gatehouse_migrate') IS NULL CREATE USER gatehouse_migrate FOR LOGIN gatehouse_migrate;
GO
ALTER ROLE db_owner ADD MEMBER gatehouse_migrate;
GO
