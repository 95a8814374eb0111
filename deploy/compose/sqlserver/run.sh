#!/bin/bash
# Runs a script of this folder as the server's administrator: run.sh DATABASE SCRIPT.
# The scripts find the passwords of the logins as variables of sqlcmd.
set -euo pipefail
SQLCMDPASSWORD=$(</run/secrets/sql_admin)
GATEHOUSE_PASSWORD=$(</run/secrets/sql_gatehouse)
MIGRATE_PASSWORD=$(</run/secrets/sql_migrate)
export SQLCMDPASSWORD GATEHOUSE_PASSWORD MIGRATE_PASSWORD
# -C: the certificate is of the sample's own authority, which this image does not know.
exec /opt/mssql-tools18/bin/sqlcmd -C -S sqlserver -U sa -b -d "$1" -i "/gatehouse/$2"
