/**
 * The previous release beside this one, through all of an upgrade while it serves: smtp-registry, then users, then the
 * gateway (docs/scaling.md), each new process beside its forerunner before that one leaves, on databases that the new one
 * has migrated under the old one. Calls, answers and events cross both ways.
 */
import test from "ava";
import { previousRelease } from "../ha/previous.ts";
import { servers, systemIsReady } from "../support/distributed-system.ts";
import { Processes, request, type TestProcess } from "../support/processes.ts";

/** In the order in which they are upgraded: who is called before who calls. */
const roles = ["registry", "users", "gateway"] as const;
type Role = (typeof roles)[number];

const togetherMax = 8;
const rounds = 5;

/** Requests that leave together, so that their calls share messages where they may; what was not answered as it should. */
async function refusedBy(gateway: TestProcess, name: string): Promise<string[]> {
  const refused: string[] = [];
  const note = async (expected: number, answer: ReturnType<typeof request>) => {
    const { status, text } = await answer;
    if (status !== expected) refused.push(`${status} ${text}`);
  };
  for (let round = 0; round < rounds; round += 1) {
    const at = (each: number) => `ann${round}x${each}@${name}.example.com`;
    const all = Array.from({ length: togetherMax }, (_, each) => [
      note(
        201,
        request(`${gateway.httpUrl}/users`, { body: { displayName: "Ann Lee", primarySmtp: at(each) } }),
      ),
      note(200, request(`${gateway.httpUrl}/smtp/${at(each)}`)),
    ]);
    await Promise.all(all.flat());
  }
  return refused;
}

const invalidPackets = (each: TestProcess): string[] =>
  each.logs().flatMap(({ msg }) => (String(msg).includes("packet") ? [String(msg)] : []));

test("an upgrade role by role refuses nothing, while calls of both releases cross", async (t) => {
  const processes = new Processes();
  const own = await servers({ empty: true });
  t.teardown(async () => {
    await processes.end();
    await own.drop();
  });
  const previous = await previousRelease(processes.folder());
  const environments: Readonly<Record<Role, Record<string, string>>> = {
    registry: { SERVICES: "smtp-registry", REGISTRY_DATABASE_URL: own.registry.url },
    users: { SERVICES: "users,audit,outbox", DATABASE_URL: own.users.url },
    gateway: { SERVICES: "gateway" },
  };
  const start = (role: Role, version: "previous" | "newest") =>
    processes.start({
      ...(version === "previous" ? { root: previous.root } : {}),
      env: { AMQP_URL: own.vhost.url, NODE_ID: `${role}-${version}`, ...environments[role] },
    });
  const running = new Map<string, TestProcess>();
  for (const role of roles) running.set(role, await start(role, "previous"));
  const gateways = [running.get("gateway")].flatMap((each) => each ?? []);
  await Promise.all(gateways.map(systemIsReady));
  let step = 0;
  const serves = async (): Promise<void> => {
    step += 1;
    const refused = await Promise.all(gateways.map((each, index) => refusedBy(each, `s${step}g${index}`)));
    t.deepEqual(refused.flat(), [], `step ${step}`);
  };
  for (const role of roles) {
    const fresh = await start(role, "newest");
    await fresh.ready();
    if (role === "gateway") {
      await systemIsReady(fresh);
      gateways.push(fresh);
    }
    await serves();
    if (role === "gateway") break;
    running.get(role)?.kill("SIGTERM");
    await running.get(role)?.exited();
    await serves();
    running.set(`${role} of this release`, fresh);
  }
  t.deepEqual([...running.values(), ...gateways].flatMap(invalidPackets), []);
});
