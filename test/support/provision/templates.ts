/** The migrated databases of a run, which its tests copy (migrated-databases.ts). */
import pg from "pg";

/** On a connection of its own. */
export async function administering<T>(
  adminUrl: string,
  work: (client: pg.Client) => Promise<T>,
): Promise<T> {
  const client = new pg.Client({ connectionString: adminUrl });
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}

/** Those that are called after the run, at its end. */
export const dropTemplates = (adminUrl: string, run: string): Promise<void> =>
  administering(adminUrl, async (client) => {
    const { rows } = await client.query<{ name: string }>(
      "select datname as name from pg_database where starts_with(datname, $1)",
      [run],
    );
    for (const { name } of rows) await client.query(`drop database ${name} with (force)`);
  });
