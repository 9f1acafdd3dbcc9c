/**
 * Promise: pg and MikroORM read nothing of the environment behind our back. Where an URL or our options say nothing they
 * look there (PGSSLMODE, PGPASSWORD, PGOPTIONS …, and every option of MikroORM's), so what a shell has set for psql would
 * change what our connections are. What they would read is taken out of the process's environment; nobody is warned, since
 * it was set for other programs.
 */

/** pg's connection parameters and pgpass's file; libpq has more, which nobody here reads. */
const ofPg: readonly string[] = [
  ..."PGHOST PGPORT PGUSER PGPASSWORD PGDATABASE PGPASSFILE PGOPTIONS PGAPPNAME PGCLIENT_ENCODING".split(" "),
  ..."PGSSLMODE PGSSLNEGOTIATION PGCONNECT_TIMEOUT PGBINARY PGREPLICATION".split(" "),
];

const isForLibraries = (name: string): boolean => name.startsWith("MIKRO_ORM_") || ofPg.includes(name);

/** Before the first connection; again it changes nothing. */
export function withholdFromLibraries(environment: NodeJS.ProcessEnv): void {
  for (const name of Object.keys(environment)) if (isForLibraries(name)) delete environment[name];
}
