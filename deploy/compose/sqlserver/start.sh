#!/bin/bash
# Starts SQL Server, which takes its administrator's password from the
# environment only.
set -euo pipefail
MSSQL_SA_PASSWORD=$(</run/secrets/sql_admin)
export MSSQL_SA_PASSWORD
exec /opt/mssql/bin/sqlservr
