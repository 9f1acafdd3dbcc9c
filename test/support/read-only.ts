/** A database of a test's own that takes no writes for a while, as after a failover. */
import pg from "pg";

async function administer(
  url: string,
  work: (client: pg.Client, name: string) => Promise<unknown>,
): Promise<void> {
  const elsewhere = new URL(url);
  const name = elsewhere.pathname.slice(1);
  elsewhere.pathname = "/postgres";
  const client = new pg.Client({ connectionString: elsewhere.href });
  await client.connect();
  try {
    await work(client, name);
  } finally {
    await client.end();
  }
}

/** Every session of ours is ended, and every one that comes is read-only from its start to its end. */
export const takeNoWrites = (url: string): Promise<void> =>
  administer(url, async (client, name) => {
    await client.query(`alter database "${name}" set default_transaction_read_only = on`);
    await client.query(
      `select pg_terminate_backend(pid) from pg_stat_activity
       where datname = $1 and application_name like 'mailroster%'`,
      [name],
    );
  });

/** For the sessions that come; those that are there stay as they are. */
export const takeWrites = (url: string): Promise<void> =>
  administer(url, (client, name) =>
    client.query(`alter database "${name}" reset default_transaction_read_only`),
  );
