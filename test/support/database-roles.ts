/** A database that one role owns and another one serves from. */
import { randomBytes } from "node:crypto";
import type { ExecutionContext } from "ava";
import pg from "pg";
import { type Resource, testDatabase } from "./resources.ts";

/** As whom the URL names, on a connection of its own. */
export async function queryAt<Row extends object>(url: string, text: string): Promise<Row[]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query<Row>(text)).rows;
  } finally {
    await client.end();
  }
}

const as = (url: string, role: string): string => {
  const changed = new URL(url);
  [changed.username, changed.password] = [role, "a-password"];
  return changed.href;
};

export interface Roles {
  readonly owner: string;
  readonly serving: string;
  readonly database: Resource;
}

/** A database that an owner has, and a role that serves; all of it gone when the test ends. */
export async function withRoles(t: ExecutionContext): Promise<Roles> {
  const database = await testDatabase();
  const name = `mailroster_test_${process.pid}_${randomBytes(4).toString("hex")}`;
  const [owner, serving] = [`${name}_owner`, `${name}_serving`];
  const { pathname } = new URL(database.url);
  await queryAt(
    database.url,
    `create role ${owner} login password 'a-password'; create role ${serving} login password 'a-password';
     alter database "${pathname.slice(1)}" owner to ${owner}; alter schema public owner to ${owner};
     revoke all on database "${pathname.slice(1)}" from public`,
  );
  t.teardown(async () => {
    await queryAt(database.url, `drop owned by ${owner}, ${serving} cascade`);
    const admin = new URL(database.url);
    admin.pathname = "/postgres";
    await database.drop();
    await queryAt(admin.href, `drop role ${owner}; drop role ${serving}`);
  });
  return { owner: as(database.url, owner), serving: as(database.url, serving), database };
}

/** Whom the URL names. */
export const roleIn = (url: string): string => new URL(url).username;
