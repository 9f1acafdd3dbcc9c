/** The tour of docs/guides/access.md: an identity provider, a whole system on either runtime, and people who sign in. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import test, { type ExecutionContext } from "ava";
import { eventually } from "../support/eventually.ts";
import { fixedPort } from "../support/fixed-port.ts";
import { ownDatabase } from "../support/own-database.ts";
import { Processes, type Runtime, request, root, runtimes } from "../support/processes.ts";

const script = "test/identity.ts";
const guide = readFileSync(join(root, "docs/guides/access.md"), "utf8");

/** The lines `export NAME=value` of a text. */
const exportsOf = (text: string): Record<string, string> =>
  Object.fromEntries([...text.matchAll(/^export ([A-Z_]+)=(.*)$/gm)].map(([, name, value]) => [name, value]));

async function startProvider(processes: Processes, port: number): Promise<Record<string, string>> {
  const provider = await processes.start({ script, args: ["--port", String(port)] });
  return eventually(() => {
    const told = exportsOf(provider.stdout());
    if (told.OIDC_ROLES_FILE === undefined) throw new Error(`It does not start: ${provider.stderr()}`);
    return told;
  });
}

async function signedIn(processes: Processes, port: number, name: string): Promise<string> {
  const command = await processes.start({ script, args: ["token", name, "--port", String(port)] });
  const { code } = await command.exited();
  if (code !== 0) throw new Error(command.stderr());
  return command.stdout().trim();
}

async function tour(t: ExecutionContext, processes: Processes, runtime: Runtime): Promise<void> {
  const port = await fixedPort();
  const env = await startProvider(processes, port);
  // A key of one's own is another section's.
  const { MAILROSTER_TOKEN: _, ...example } = exportsOf(guide);
  t.deepEqual(
    { ...env, OIDC_ISSUERS: example.OIDC_ISSUERS },
    example,
    "the guide shows what the command prints",
  );
  const [directory, registry] = [await ownDatabase("users"), await ownDatabase("registry")];
  t.teardown(directory.close);
  t.teardown(registry.close);
  const databases = { DATABASE_URL: directory.url, REGISTRY_DATABASE_URL: registry.url };
  const system = await processes.start({ runtime, env: { ...env, ...databases } });
  await system.ready();
  const users = `${system.httpUrl}/users`;
  const as = async (name: string) => ({ authorization: `Bearer ${await signedIn(processes, port, name)}` });

  t.is((await request(users)).status, 401);
  const ann = await as("ann");
  const body = { displayName: "Bo", primarySmtp: "bo@example.com" };
  t.is((await request(users, { body, headers: ann })).status, 201);
  const rita = await as("rita");
  t.is((await request(users, { headers: rita })).status, 200);
  t.is((await request(users, { body, headers: rita })).status, 403);
  t.is((await request(users, { headers: await as("norman") })).status, 403);
  const olga = await as("olga");
  await eventually(async () => {
    const { items } = (await request(`${system.httpUrl}/audit`, { headers: olga })).json<{
      items: { actor: string }[];
    }>();
    if (items[0]?.actor !== "oidc:demo:ann") throw new Error(JSON.stringify(items));
  });
}

for (const runtime of runtimes)
  test.serial(
    `on ${runtime} people are let in by the tokens of their provider, as the guide says`,
    async (t) => {
      const processes = new Processes();
      try {
        await tour(t, processes, runtime);
      } finally {
        await processes.end();
      }
    },
  );

test.serial("the command says who it does not know, and that nobody answers", async (t) => {
  const processes = new Processes();
  try {
    const stranger = await processes.start({ script, args: ["token", "eve"] });
    t.is((await stranger.exited()).code, 64);
    const port = String(await fixedPort());
    const alone = await processes.start({ script, args: ["token", "ann", "--port", port] });
    t.is((await alone.exited()).code, 69);
    t.regex(alone.stderr(), /^Cannot sign in: nobody answers at /);
  } finally {
    await processes.end();
  }
});
