/** The migrated databases of a run, which its tests copy (migrated-databases.ts). */
import pg from "pg";

/** As the entities are called (services/runtime/databases.ts); named here, since a run of the tests loads no service. */
const of = ["users", "registry"] as const;

export const templateOf = (run: string, name: (typeof of)[number]): string => `${run}_${name}`;

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

/** At the end of the run. */
export const dropTemplates = (adminUrl: string, run: string): Promise<void> =>
  administering(adminUrl, async (client) => {
    for (const name of of)
      await client.query(`drop database if exists ${templateOf(run, name)} with (force)`);
  });
