-- Run in the gateway's database. The login reads and writes rows and changes no table.
IF USER_ID(N'gate]house''') IS NULL CREATE USER [gate]]house'] FOR LOGIN [gate]]house'];
GRANT SELECT, INSERT, UPDATE, DELETE ON SCHEMA::[gateway] TO [gate]]house'];
GRANT SELECT, INSERT, UPDATE, DELETE ON SCHEMA::[sales] TO [gate]]house'];
DENY INSERT, UPDATE, DELETE ON OBJECT::gateway.migration TO [gate]]house'];
GRANT VIEW DEFINITION TO [gate]]house']; -- the tables are compared with the mappings at start
