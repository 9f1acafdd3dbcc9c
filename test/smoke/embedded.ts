/**
 * The whole embedded system inside the runtime that runs this file, Node or Deno, with the results as TAP:
 * ava itself needs Node, and what differs between the two is the runtime under our code, not the code.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { loadConfig } from "../../services/config/index.ts";
import { startHost } from "../../services/runtime/host.ts";
import { lifecycle } from "../../services/runtime/shutdown.ts";
import { eventually } from "../support/eventually.ts";
import { testLogger } from "../support/logs.ts";
import { request } from "../support/processes.ts";

let count = 0;
let failures = 0;

async function fact(title: string, prove: () => Promise<void>): Promise<void> {
  count += 1;
  try {
    await prove();
    console.log(`ok ${count} - ${title}`);
  } catch (error) {
    failures += 1;
    console.log(`not ok ${count} - ${title}`);
    console.log(String(error));
  }
}

function same(actual: unknown, expected: unknown): void {
  if (JSON.stringify(actual) !== JSON.stringify(expected))
    throw new Error(`${JSON.stringify(actual)} is not ${JSON.stringify(expected)}`);
}

const dataDir = mkdtempSync(join(tmpdir(), "mailroster-smoke-"));
const config = loadConfig({ DATA_DIR: dataDir, HTTP_PORT: "0", OPS_PORT: "0", LOG_LEVEL: "silent" }, false);
const log = testLogger({ nodeId: config.nodeId });
let exitCode: number | undefined;
const life = lifecycle(log, {
  exit: (code) => {
    exitCode = code;
  },
});

const host = await startHost(config, log, life);
const base = `http://127.0.0.1:${host.httpPort}`;
const post = (body: unknown) => request(`${base}/users`, { body, headers: { "x-correlation-id": "smoke" } });
let userId = "";

await fact("a user is created over HTTP", async () => {
  const answer = await post({ displayName: "Ann", primarySmtp: "Ann@Bücher.example" });
  same([answer.status, answer.headers.get("etag")], [201, '"1"']);
  userId = answer.json<{ id: string }>().id;
});
await fact("an address that differs only in case and in Punycode is the same address", async () => {
  const answer = await post({ displayName: "Ann", primarySmtp: "ann@xn--bcher-kva.example" });
  const { primarySmtp } = answer.json<{ primarySmtp: string }>();
  same([answer.status, primarySmtp.startsWith("ann2@")], [201, true]);
});
await fact("the registry and the audit log follow, under the request's correlation id", () =>
  eventually(async () => {
    const info = await request(`${base}/smtp/${encodeURIComponent("ann@bücher.example")}`);
    const { status, userId: holder } = info.json<{ status: string; userId: string }>();
    same([status, holder], ["active", userId]);
    const audit = await request(`${base}/audit?correlationId=smoke`);
    same(audit.json<{ items: unknown[] }>().items.length, 2);
  }),
);
await fact("bad input is a problem and not an accident", async () => {
  const answer = await post({ displayName: "", primarySmtp: "nobody" });
  same([answer.status, answer.headers.get("content-type")?.split(";")[0]], [422, "application/problem+json"]);
});
await fact("the process is ready and tells its metrics", async () => {
  const ops = `http://127.0.0.1:${host.opsPort}`;
  same((await request(`${ops}/health/ready`)).status, 200);
  same((await request(`${ops}/metrics`)).text.includes("events_published_total"), true);
});
await fact("it stops in order", async () => {
  await life.stop("the smoke test is over", 0);
  same(exitCode, 0);
});

rmSync(dataDir, { recursive: true, force: true });
console.log(`1..${count}`);
process.exit(failures === 0 ? 0 : 1);
