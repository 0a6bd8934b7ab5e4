-- Users of PostgreSQL, and the database. For psql as superuser, in the folder of the passwords that `setup` made.
--
--   sekisho_owner  owns the tables: only migrations are run as this one
--   sekisho        the service: row-level security binds it, it changes rows and no tables
--   replica        streams the log, nothing else
\set ON_ERROR_STOP on
\set owner `cat owner.password`
\set service `cat service.password`
\set replica `cat replica.password`
CREATE ROLE sekisho_owner LOGIN PASSWORD :'owner';
CREATE ROLE sekisho LOGIN PASSWORD :'service';
CREATE ROLE replica LOGIN REPLICATION PASSWORD :'replica';

CREATE DATABASE sekisho OWNER sekisho_owner ENCODING 'UTF8' TEMPLATE template0;
REVOKE ALL ON DATABASE sekisho FROM PUBLIC;
GRANT CONNECT ON DATABASE sekisho TO sekisho;

-- keeps what the replica has not read yet
SELECT pg_create_physical_replication_slot('replica');
