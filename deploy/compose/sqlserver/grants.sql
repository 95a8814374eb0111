-- Run in the gateway's database. The login reads and writes rows and changes no table.
IF USER_ID(N'gatehouse') IS NULL CREATE USER [gatehouse] FOR LOGIN [gatehouse];
GRANT SELECT, INSERT, UPDATE, DELETE ON SCHEMA::[gateway] TO [gatehouse];
GRANT SELECT, INSERT, UPDATE, DELETE ON SCHEMA::[catalog] TO [gatehouse];
GRANT SELECT, INSERT, UPDATE, DELETE ON SCHEMA::[crm] TO [gatehouse];
GRANT SELECT, INSERT, UPDATE, DELETE ON SCHEMA::[sales] TO [gatehouse];
DENY INSERT, UPDATE, DELETE ON OBJECT::gateway.migration TO [gatehouse];
GRANT VIEW DEFINITION TO [gatehouse]; -- the tables are compared with the mappings at start

