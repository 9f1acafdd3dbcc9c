/**
 * `npm run seed`: a handful of users for a first look, over HTTP as any client would. Does nothing when there is a
 * user already, and may be repeated or killed halfway: every request carries an Idempotency-Key of its own.
 */
import { loadClientConfig } from "../config/index.ts";
import type { CreatedUser } from "../contracts/actions.ts";
import { exitCodes, ForbiddenError, StartError } from "../contracts/exits.ts";
import type { UserPage } from "../contracts/user-lists.ts";
import { type CommandForm, commandLine } from "../runtime/command-line.ts";
import { runCommand } from "../runtime/run-command.ts";
import { reachableGateway } from "./gateway.ts";

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

async function answerOf<T>(response: Response, what: string): Promise<T> {
  if (response.status === 401)
    throw new ForbiddenError(
      `Cannot ${what}: the gateway asks who wants to (set MAILROSTER_TOKEN to an access key; npm run key -- create makes one)`,
    );
  if (response.status === 403)
    throw new ForbiddenError(`Cannot ${what}: the key or token may not (a mail-admin's or an owner's may)`);
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
  const { url, token } = await reachableGateway(config, "seed");
  for (const line of await seed(url, token)) process.stdout.write(`${line}\n`);
  return exitCodes.ok;
});
