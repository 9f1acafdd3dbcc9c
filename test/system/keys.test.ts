/** Access keys as an operator makes them, on systems that run: by the command, on both runtimes, on several gateways. */
import test from "ava";
import type { Scope } from "../../services/contracts/access.ts";
import { type Role, roles } from "../../services/contracts/roles.ts";
import {
  askWhole,
  askWithoutBody,
  documentRows,
  eachOf,
  guardedRows,
  pathOf,
  refusedBy,
  waysOf,
} from "../support/access-walk.ts";
import { runningSystem } from "../support/distributed-system.ts";
import { eventually } from "../support/eventually.ts";
import { bearer, mistyped, strangeKey } from "../support/keys.ts";
import { Processes, type Runtime, request, runtimes, type TestProcess } from "../support/processes.ts";

const script = "services/commands/key/index.ts";
const keyForm = /^mrk_live_([0-9A-Za-z]{12})_[0-9A-Za-z]{49}\n$/;

/** Types `npm run key -- …`; resolves with what is on stdout. */
async function key(
  processes: Processes,
  runtime: Runtime,
  env: Record<string, string>,
  ...args: string[]
): Promise<string> {
  const command = await processes.start({ runtime, script, env, args });
  const { code } = await command.exited();
  if (code !== 0) throw new Error(`${code}: ${command.stderr()}`);
  return command.stdout();
}

const isAnswered = (gateway: Pick<TestProcess, "httpUrl">, path: string, token: string, wanted: number) =>
  eventually(
    async () => {
      const { status, text } = await request(`${gateway.httpUrl}${path}`, { headers: bearer(token) });
      if (status !== wanted) throw new Error(`${status} ${text}`);
    },
    { timeoutMs: 5_000 },
  );

const portOf = ({ environment }: TestProcess): number => Number(environment.HTTP_PORT);

test.serial("the first key can be made before the first start", async (t) => {
  const processes = new Processes();
  try {
    const env = { DATA_DIR: processes.folder(), AUTH: "required" };
    const owner = await key(processes, "node", env, "create", "--name", "me", "--role", "owner");
    const system = await processes.start({ env });
    await system.ready();
    await isAnswered(system, "/keys", owner.trim(), 200);
    system.kill("SIGTERM");
    t.is((await system.exited()).code, 0);
  } finally {
    await processes.end();
  }
});

for (const runtime of runtimes)
  test.serial(`on ${runtime} the command opens the embedded installation, and closes it`, async (t) => {
    const processes = new Processes();
    try {
      // Off loopback documents ask for somebody, too.
      const env = { DATA_DIR: processes.folder(), AUTH: "required", HTTP_HOST: "0.0.0.0" };
      const system = await processes.start({ runtime, env });
      await system.ready();
      await eventually(() => {
        if (!/No owner has an access key: npm run key -- create/.test(system.stdout()))
          throw new Error("unsaid");
      });
      const owner = await key(processes, runtime, env, "create", "--name", "me", "--role", "owner");
      t.regex(owner, keyForm);
      await isAnswered(system, "/keys", owner.trim(), 200);

      const lookup = (
        await key(processes, runtime, env, "create", "--name", "mx", "--role", "lookup")
      ).trim();
      await isAnswered(system, "/keys", lookup, 403);
      const asOwner = bearer(owner.trim());
      const made = async (role: Role): Promise<{ id: string; key: string }> => {
        const { status, text, json } = await request(`${system.httpUrl}/keys`, {
          body: { name: `walk ${role}`, role },
          headers: asOwner,
        });
        t.is(status, 201, text);
        return json();
      };
      const revoked = await made("owner");
      await isAnswered(system, "/keys", revoked.key, 200);
      const ended = await request(`${system.httpUrl}/keys/${revoked.id}?reason=walk`, {
        method: "DELETE",
        headers: asOwner,
      });
      t.true(ended.status < 300, ended.text);
      await isAnswered(system, "/keys", revoked.key, 401);
      const wrong = [undefined, mistyped(lookup), strangeKey(), revoked.key];
      const targets = [
        ...documentRows.map((row) => ({ row, target: pathOf(row), scopes: [] as Scope[] })),
        ...guardedRows.flatMap((row) => waysOf(row).map((way) => ({ row, ...way }))),
      ];
      await eachOf(targets, async ({ row, target }) => {
        for (const none of wrong)
          t.is((await askWithoutBody(portOf(system), row, target, none)).status, 401, `${row.id} ${none}`);
      });
      for (const role of roles) {
        const { key: own } = await made(role);
        await isAnswered(system, "/", own, 200);
        await eachOf(targets, async ({ row, target, scopes }) => {
          const isRefused = refusedBy(role, scopes) !== undefined;
          const ask = isRefused ? askWithoutBody : askWhole;
          const { status } = await ask(portOf(system), row, target, own);
          t.is(status === 403, isRefused, `${role}: ${row.id}: ${status}`);
          t.not(status, 401, `${role}: ${row.id}`);
        });
      }

      const id = keyForm.exec(owner)?.[1] ?? "";
      await key(processes, runtime, env, "revoke", id, "--reason", "lost");
      await isAnswered(system, "/keys", owner.trim(), 401);
      system.kill("SIGTERM");
      t.is((await system.exited()).code, 0);
      t.false(system.stdout().includes(owner.trim()) || system.stdout().includes(lookup));

      const list = JSON.parse(await key(processes, runtime, env, "list", "--json")) as {
        keys: { id: string; status: string; createdBy: string; revokeReason: string | null }[];
      };
      t.is(list.keys.length, 3 + roles.length, "also while nothing runs");
      t.like(
        list.keys.find((each) => each.id === id),
        { status: "revoked", revokeReason: "lost" },
      );
      t.is(list.keys.filter(({ createdBy }) => createdBy.startsWith("cli:")).length, 2);
      t.deepEqual(processes.running(), []);
    } finally {
      await processes.end();
    }
  });

test.serial(
  "a key that is revoked is refused on two gateways, also by one that was away from users",
  async (t) => {
    const { system, own, processes } = await runningSystem(t, { environment: { AUTH: "required" } });
    const database = { DATABASE_URL: own.users.url };
    const other = await processes.start({
      env: { AMQP_URL: own.vhost.url, AUTH: "required", SERVICES: "gateway" },
    });
    await other.ready();
    const owner = (
      await key(processes, "node", database, "create", "--name", "me", "--role", "owner")
    ).trim();
    const made = await key(processes, "node", database, "create", "--name", "op", "--role", "owner");
    const [lost, id] = [made.trim(), keyForm.exec(made)?.[1] ?? ""];
    for (const gateway of [system.gateway, other])
      for (const token of [owner, lost]) await isAnswered(gateway, "/keys", token, 200);
    const revoked = await request(`${system.gateway.httpUrl}/keys/${id}`, {
      method: "DELETE",
      headers: bearer(owner),
    });
    t.is(revoked.status, 204);
    for (const gateway of [system.gateway, other]) await isAnswered(gateway, "/keys", lost, 401);

    // While users is away the copy goes on telling who asks: what needs no users is answered.
    system.users.kill("SIGTERM");
    await system.users.exited();
    const address = await request(`${other.httpUrl}/smtp/a@example.com`, { headers: bearer(owner) });
    t.is(address.status, 200, address.text);
    t.is((await request(`${other.httpUrl}/smtp/a@example.com`, { headers: bearer(lost) })).status, 401);
  },
);

test.serial(
  "the key of a container counts until there is an owner's, and an emergency's ends by itself",
  async (t) => {
    const processes = new Processes();
    try {
      const env = { DATA_DIR: processes.folder(), AUTH: "required" };
      const bootstrap = (await key(processes, "node", {}, "generate")).trim();
      const system = await processes.start({ env: { ...env, AUTH_BOOTSTRAP_KEY: bootstrap } });
      await system.ready();
      await isAnswered(system, "/keys", bootstrap, 200);
      const emergency = ["create", "--break-glass", "--minutes", "10", "--reason", "the IdP is down"];
      const glass = (await key(processes, "node", env, ...emergency)).trim();
      await isAnswered(system, "/keys", glass, 200);
      await isAnswered(system, "/keys", bootstrap, 401);
      await eventually(() => {
        if (!system.logs().some(({ msg }) => msg === "a key for an emergency is in use"))
          throw new Error("unsaid");
      });
      const { text } = await request(`${system.opsUrl}/metrics`);
      t.regex(text, /^api_keys_break_glass 1$/m);
      const { items } = (await request(`${system.httpUrl}/keys`, { headers: bearer(glass) })).json<{
        items: { breakGlass: boolean; status: string; name: string; createdAt: string; expiresAt: string }[];
      }>();
      t.like(items[0], { breakGlass: true, status: "active" });
      t.is(Date.parse(items[0]?.expiresAt ?? "") - Date.parse(items[0]?.createdAt ?? "") > 9 * 60_000, true);
      t.like(items[1], { name: "bootstrap", status: "revoked" });
      system.kill("SIGTERM");
      t.is((await system.exited()).code, 0);
    } finally {
      await processes.end();
    }
  },
);
