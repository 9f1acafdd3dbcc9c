-- Runs once, on an empty volume. Each side gets a database and a role that can reach no other (psql 14 or later).
\getenv users_password USERS_PASSWORD
\getenv registry_password REGISTRY_PASSWORD

create role mailroster_users login password :'users_password';
create database mailroster_users owner mailroster_users;
revoke all on database mailroster_users from public;
-- So that the doctor sees which standbys are synchronous.
grant pg_monitor to mailroster_users;

create role mailroster_registry login password :'registry_password';
create database mailroster_registry owner mailroster_registry;
revoke all on database mailroster_registry from public;
grant pg_monitor to mailroster_registry;
