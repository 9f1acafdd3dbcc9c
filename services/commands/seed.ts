/**
 * `npm run seed`: a handful of users for a first look, over HTTP as any client would. Does nothing when there is a
 * user already, and may be repeated or killed halfway: every request carries an Idempotency-Key of its own.
 */
import { poll } from "../../mixins/basics/poll.ts";
import { type Config, loadClientConfig } from "../config/index.ts";
import type { CreatedUser, Health, UserPage } from "../contracts/actions.ts";
import { exitCodes, StartError, UnreachableError } from "../contracts/exits.ts";
import { type CommandForm, commandLine } from "../runtime/command-line.ts";
import { downIn, gatewaysOf } from "../runtime/gateways.ts";
import { reasonOf } from "../runtime/reasons.ts";
import { runCommand } from "../runtime/run-command.ts";
import { visitSystem } from "./join.ts";

/** Of the 5 s within which it is told that there is nobody, npm and the runtime need one. */
const readyWaitMaxMs = 4_000;
const readyWaitMinMs = 500;
const pollMs = 250;
const requestTimeoutMs = 10_000;
const form: CommandForm = {
  name: "seed",
  says: "Creates a handful of users for a first look, over HTTP at MAILROSTER_URL; nothing when there is one already.",
};

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

/** Time that is left, counted from the start of this process. */
const leftMs = (): number => Math.max(readyWaitMinMs, readyWaitMaxMs - performance.now());

/** undefined: it is ready; else why it can't be used. */
async function unreadiness(base: string): Promise<string | undefined> {
  try {
    const answer = await fetch(`${base}/health/ready`, { signal: AbortSignal.timeout(leftMs()) });
    const health = (await answer.json().catch(() => undefined)) as Health | undefined;
    return answer.status === 200 ? undefined : `is not ready: ${downIn(health) || answer.status}`;
  } catch (error) {
    return reasonOf(error);
  }
}

/** Where somebody says that the gateway is; else where it says so itself in the data folder; else where it should be. */
async function gatewayOf(config: Config): Promise<string> {
  if (
    config.isGatewayGiven ||
    config.amqpUrl !== undefined ||
    (await unreadiness(config.gatewayUrl)) === undefined
  )
    return config.gatewayUrl;
  const wanted = { doing: "seed", needs: ["gateway"] };
  const gateways = await visitSystem(config, wanted, async (broker) => gatewaysOf(broker)).catch(() => []);
  return gateways.find(({ url }) => url !== undefined)?.url ?? config.gatewayUrl;
}

async function untilReady(base: string): Promise<void> {
  const pace = { everyMs: pollMs, maxMs: leftMs() };
  const why = await poll(
    () => unreadiness(base),
    (reason) => reason === undefined,
    pace,
  );
  if (why !== undefined)
    throw new UnreachableError(`Cannot seed: ${base} ${why} (npm start, or set MAILROSTER_URL)`);
}

async function answerOf<T>(response: Response, what: string): Promise<T> {
  if (!response.ok) throw new StartError(`Cannot ${what}: ${response.status} ${await response.text()}`);
  return (await response.json()) as T;
}

async function seed(base: string, token: string | undefined): Promise<string[]> {
  const authorization = token === undefined ? undefined : { authorization: `Bearer ${token}` };
  const listed = await request(`${base}/users?limit=1`, { headers: { ...authorization } });
  const { items } = await answerOf<UserPage>(listed, "list the users");
  if (items.length > 0) return ["There are users already: nothing to do"];
  const lines: string[] = [];
  for (const [index, person] of people.entries()) {
    const response = await request(`${base}/users`, {
      method: "POST",
      headers: {
        ...authorization,
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

commandLine(form);
await runCommand(async () => {
  const config = loadClientConfig(process.env, "seed");
  const base = await gatewayOf(config);
  await untilReady(base);
  for (const line of await seed(base, config.gatewayToken)) process.stdout.write(`${line}\n`);
  return exitCodes.ok;
});
