/**
 * `npm run seed`: a handful of users for a first look, over HTTP as any client would. Does nothing when there is a
 * user already, and may be repeated or killed halfway: every request carries an Idempotency-Key of its own.
 */
import { setTimeout as delay } from "node:timers/promises";
import { ConfigError, loadClientConfig } from "../config/index.ts";
import type { CreatedUser, UserPage } from "../contracts/actions.ts";
import { exitCodes, StartError } from "./errors.ts";

const readyWaitMaxMs = 120_000;
const pollMs = 500;
const requestTimeoutMs = 10_000;

/** Two people of one name show the suffix, one has aliases, one an address beyond ASCII. */
const people = [
  { displayName: "Ann Example", primarySmtp: "ann@example.com", secondarySmtps: ["a.example@example.com"] },
  { displayName: "Ann Example", primarySmtp: "ann@example.com" },
  { displayName: "Björn Müller", primarySmtp: "bjoern.mueller@example.com" },
  {
    displayName: "Chloé Dubois",
    primarySmtp: "chloe.dubois@example.com",
    secondarySmtps: ["press@example.org"],
  },
  { displayName: "田中 太郎", primarySmtp: "taro.tanaka@bücher.example" },
] as const;

const request = (url: string, init: RequestInit = {}): Promise<Response> =>
  fetch(url, { ...init, signal: AbortSignal.timeout(requestTimeoutMs) });

async function untilReady(base: string): Promise<void> {
  const deadline = Date.now() + readyWaitMaxMs;
  for (;;) {
    const status = await request(`${base}/health/ready`).then(
      async (response) => {
        await response.body?.cancel();
        return response.status;
      },
      () => undefined,
    );
    if (status === 200) return;
    if (Date.now() > deadline)
      throw new StartError(
        `Cannot seed ${base}: ${status === undefined ? "nothing answers there" : `it is not ready (${status})`}`,
      );
    await delay(pollMs);
  }
}

async function answerOf<T>(response: Response, what: string): Promise<T> {
  if (!response.ok) throw new StartError(`Cannot ${what}: ${response.status} ${await response.text()}`);
  return (await response.json()) as T;
}

async function seed(base: string): Promise<string[]> {
  const { items } = await answerOf<UserPage>(await request(`${base}/users?limit=1`), "list the users");
  if (items.length > 0) return ["There are users already: nothing to do"];
  const lines: string[] = [];
  for (const [index, person] of people.entries()) {
    const response = await request(`${base}/users`, {
      method: "POST",
      headers: {
        "content-type": "application/json",
        "idempotency-key": `seed-${index + 1}`,
        "x-actor": "seed",
      },
      body: JSON.stringify(person),
    });
    const user = await answerOf<CreatedUser>(response, `create ${person.displayName}`);
    lines.push(`${user.id}  ${user.displayName} <${user.primarySmtp}>`);
  }
  return lines;
}

try {
  const { gatewayUrl } = loadClientConfig(process.env, "seed");
  await untilReady(gatewayUrl);
  for (const line of await seed(gatewayUrl)) console.log(line);
} catch (error) {
  if (!(error instanceof ConfigError || error instanceof StartError)) throw error;
  process.stderr.write(`${error.message}\n`);
  process.exitCode = error instanceof ConfigError ? exitCodes.config : exitCodes.failure;
}
