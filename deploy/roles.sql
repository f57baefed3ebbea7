-- Run once as an administrator of the database server, with psql:
--   psql -v owner_password=… -v app_password=… -f deploy/roles.sql postgres://admin@db/postgres
-- The owner migrates; the app owns nothing and cannot change the audit.
create role quarterdeck_owner login password :'owner_password';
create role quarterdeck_app login password :'app_password';
create database quarterdeck owner quarterdeck_owner;
revoke all on database quarterdeck from public;
grant connect, temporary on database quarterdeck to quarterdeck_app;
