/** What both ports of a whole system refuse, on either runtime. */
import test, { type ExecutionContext } from "ava";
import { fuzz } from "../support/http-fuzz.ts";
import { Processes, request, runtimes, type TestProcess } from "../support/processes.ts";
import { sendRaw } from "../support/raw-http.ts";

const fuzzRuns = 300;
const portOf = (url: string): number => Number(new URL(url).port);
const ask = (url: string, lines: readonly string[], body = "") =>
  sendRaw(portOf(url), `${[...lines, "Connection: close"].join("\r\n")}\r\n\r\n${body}`);

async function refusesOnBothPorts(t: ExecutionContext, { httpUrl, opsUrl }: TestProcess): Promise<void> {
  const junk = Array.from({ length: 1_200 }, (_, n) => `X-${n}: y`);
  const get = "GET /health/live HTTP/1.1";
  for (const url of [httpUrl, opsUrl]) {
    for (const [status, lines, slug] of [
      [421, [get, "Host: evil.example"], "misdirected"],
      [421, [get, `Host: evil.example:${portOf(url)}`], "misdirected"],
      [400, [get, "Host: localhost", "Host: localhost"], "malformed-request"],
      [400, [get, "Host: a b"], "malformed-request"],
      [400, [get], "malformed-request"],
      [400, ["GET /health/live"], "malformed-request"],
      [403, ["POST /health/live HTTP/1.1", "Host: localhost", "Sec-Fetch-Site: cross-site"], "foreign-site"],
      [403, ["DELETE /metrics HTTP/1.1", "Host: localhost", "Origin: http://evil.example"], "foreign-site"],
      [431, [get, "Host: localhost", ...junk.slice(0, 250)], "headers-too-large"],
      // As many as Deno drops lines from.
      [431, [get, "Host: localhost", ...junk], "headers-too-large"],
    ] as const) {
      const answer = await ask(url, lines);
      t.is(answer.status, status, `${url} ${lines.slice(0, 4).join("|")}`);
      t.is(answer.headers.get("content-type")?.split(";")[0], "application/problem+json");
      t.like(JSON.parse(answer.body), { type: `/problems/${slug}`, status });
    }
    for (const host of ["localhost:1", "127.0.0.1", "[::1]:3000", "mail.example"])
      t.is((await ask(url, [get, `Host: ${host}`])).status, 200, `${url} ${host}`);
  }
}

async function healthInAWord(t: ExecutionContext, { httpUrl, opsUrl }: TestProcess): Promise<void> {
  for (const url of [httpUrl, opsUrl])
    for (const path of ["/health", "/h%65alth"]) {
      const answer = await request(url + path);
      t.is(answer.status, 200, url + path);
      t.deepEqual(answer.json(), { status: "up" });
    }
}

async function writesNothingForOthers(t: ExecutionContext, { httpUrl }: TestProcess): Promise<void> {
  const ann = { displayName: "Ann", primarySmtp: "ann@example.com" };
  const { id } = (await request(`${httpUrl}/users`, { body: ann })).json<{ id: string }>();
  t.is((await request(`${httpUrl}/users/${id}`, { method: "DELETE" })).status, 204);
  for (const line of ["Sec-Fetch-Site: cross-site", "Origin: https://evil.example"]) {
    const answer = await ask(httpUrl, [`POST /users/${id}/restore HTTP/1.1`, "Host: localhost", line]);
    t.is(answer.status, 403, line);
  }
  t.is((await request(`${httpUrl}/users/${id}`)).status, 404);
  const twice = '{"displayName":"Ann","displayName":"Bob","primarySmtp":"bob@example.com"}';
  const lines = ["Content-Type: application/json", `Content-Length: ${twice.length}`];
  t.is((await ask(httpUrl, ["POST /users HTTP/1.1", "Host: localhost", ...lines], twice)).status, 400);
  t.is((await request(`${httpUrl}/users/${id}/restore`, { method: "POST" })).status, 200);
  t.is((await request(`${httpUrl}/users?smtp=bob@example.com`)).json<{ items: [] }>().items.length, 0);
}

for (const runtime of runtimes)
  test.serial(
    `on ${runtime} both ports refuse what is not for them, and nothing of it is carried out`,
    async (t) => {
      const processes = new Processes();
      try {
        const env = { DATA_DIR: processes.folder(), HTTP_ALLOWED_HOSTS: "mail.example" };
        const system = await processes.start({ env, runtime });
        await system.ready();
        await refusesOnBothPorts(t, system);
        await healthInAWord(t, system);
        await writesNothingForOthers(t, system);
        await fuzz(portOf(system.httpUrl), fuzzRuns);
        system.kill("SIGTERM");
        t.is((await system.exited()).code, 0);
      } finally {
        await processes.end();
      }
    },
  );
