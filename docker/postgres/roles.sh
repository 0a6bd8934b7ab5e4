#!/bin/sh
# At the first start of the image: roles.sql, where the passwords are.
set -e
cd /etc/postgresql
psql -q -U postgres -d postgres -f /usr/local/share/sekisho/roles.sql
