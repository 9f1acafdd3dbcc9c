-- Runs once, on an empty volume. One role owns the tables of both sides and migrates them; each side serves as a role that
-- can reach no other database, and gets its rights to rows from the owner (psql 14 or later).
\getenv owner_password OWNER_PASSWORD
\getenv users_password USERS_PASSWORD
\getenv registry_password REGISTRY_PASSWORD

create role mailroster_owner login password :'owner_password';

create role mailroster_users login password :'users_password';
create database mailroster_users owner mailroster_owner;
revoke all on database mailroster_users from public;
grant connect on database mailroster_users to mailroster_users;
-- So that the doctor sees which standbys are synchronous.
grant pg_monitor to mailroster_users;

create role mailroster_registry login password :'registry_password';
create database mailroster_registry owner mailroster_owner;
revoke all on database mailroster_registry from public;
grant connect on database mailroster_registry to mailroster_registry;
grant pg_monitor to mailroster_registry;
