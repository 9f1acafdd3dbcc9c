/** The story that the demo plays, chapter by chapter; each check is a promise that the documentation makes. */
import type { CreatedUser } from "../../contracts/actions.ts";
import type { AuditPage } from "../../contracts/audit.ts";
import type { DeadLetter, DeadLetterPage } from "../../contracts/dead-letters.ts";
import type { AddressInfo } from "../../contracts/look-up.ts";
import type { Trace } from "../../contracts/trace.ts";
import type { User } from "../../contracts/user.ts";
import type { UserPage } from "../../contracts/user-lists.ts";
import { traceText } from "../trace/text.ts";
import type { Stage } from "./stage.ts";

/** What the story does to the system beside asking it over HTTP. */
export interface Backstage {
  stopRegistry(): Promise<void>;
  startRegistry(): Promise<void>;
  /** From now on the audit log's database refuses entries of this correlation. */
  breakAudit(correlationId: string): Promise<void>;
  mendAudit(): Promise<void>;
}

const primary = "ann.lee@example.com";
const married = "ann.miller@example.com";
const retriesMax = 5;

const isActive =
  (user: { id: string }, kind: string) =>
  (info: AddressInfo): boolean =>
    info.status === "active" && info.userId === user.id && info.kind === kind;

async function creates(stage: Stage): Promise<User> {
  stage.chapter("Ann gets an address");
  const created = await stage.request<CreatedUser>("POST", "/users", {
    headers: { "X-Correlation-ID": "demo-create" },
    body: { displayName: "Ann Lee", primarySmtp: primary },
  });
  stage.check(
    created.status === 201 && created.body.primarySmtp === primary,
    "the user exists, committed together with its event",
  );
  stage.check(
    created.headers.get("x-correlation-id") === "demo-create",
    "the answer names the request by the id that was sent",
  );
  await stage.until(
    `/smtp/${primary}`,
    "the event has reached smtp-registry: the address is hers",
    isActive(created.body, "primary"),
  );

  stage.chapter("Another Ann wants the same address");
  const second = await stage.request<CreatedUser>("POST", "/users", {
    body: { displayName: "Anna Lee", primarySmtp: primary },
  });
  stage.check(
    second.status === 201 &&
      second.body.primarySmtp === "ann.lee2@example.com" &&
      second.body.requestedSmtp === primary,
    "she gets the next free suffix, and is told so",
  );
  return created.body;
}

async function renames(stage: Stage, ann: User): Promise<void> {
  stage.chapter("Ann marries");
  const renamed = await stage.request<User>("PATCH", `/users/${ann.id}`, {
    headers: { "If-Match": `"${ann.version}"` },
    body: { displayName: "Ann Miller", primarySmtp: married },
  });
  stage.check(
    renamed.status === 200 &&
      renamed.body.primarySmtp === married &&
      renamed.body.secondarySmtps.includes(primary),
    "the old primary is a secondary now, so mail to it still arrives",
  );
  await stage.until(`/smtp/${primary}`, "smtp-registry agrees", isActive(ann, "secondary"));

  stage.chapter("Ann leaves, and comes back");
  stage.check((await stage.request("DELETE", `/users/${ann.id}`)).status === 204, "she is deleted");
  stage.check((await stage.request("GET", `/users/${ann.id}`)).status === 404, "nobody finds her");
  await stage.until<AddressInfo>(
    `/smtp/${married}`,
    "her address is kept from everybody else",
    ({ status }) => status === "deleted",
  );
  const restored = await stage.request<User>("POST", `/users/${ann.id}/restore`);
  stage.check(
    restored.status === 200 &&
      restored.body.primarySmtp === married &&
      restored.body.secondarySmtps.includes(primary),
    "she is back with all her addresses",
  );
  await stage.until(`/smtp/${married}`, "smtp-registry agrees", isActive(ann, "primary"));
}

/** Repeats as a client should: with the same key, no sooner than it is asked to. */
async function repeat(stage: Stage, create: () => ReturnType<Stage["request"]>, retryAfterS: number) {
  let waitS = retryAfterS;
  for (let attempt = 1; ; attempt += 1) {
    await stage.pause(waitS * 1_000);
    const answer = await create();
    if (answer.status !== 503 || attempt === retriesMax) return answer;
    waitS = Number(answer.headers.get("retry-after") ?? 1);
  }
}

async function survivesAnOutage(stage: Stage, backstage: Backstage, ann: User): Promise<void> {
  stage.chapter("smtp-registry is down while Bob arrives");
  await backstage.stopRegistry();
  stage.say("the service smtp-registry was stopped");
  const create = () =>
    stage.request<CreatedUser>("POST", "/users", {
      headers: { "Idempotency-Key": "demo-bob", "X-Correlation-ID": "demo-outage" },
      body: { displayName: "Bob Stone", primarySmtp: "bob@example.com" },
    });
  const refused = await create();
  const retryAfterS = Number(refused.headers.get("retry-after"));
  stage.check(
    refused.status === 503 && retryAfterS > 0,
    `refused, nothing is left behind; try again in ${retryAfterS} s`,
  );
  stage.check((await stage.request("GET", `/users/${ann.id}`)).status === 200, "reads go on");
  await backstage.startRegistry();
  stage.say("smtp-registry was started again; the client repeats the request with the same Idempotency-Key");
  const created = (await repeat(stage, create, retryAfterS)) as Awaited<ReturnType<typeof create>>;
  stage.check(created.status === 201, "Bob exists");
  const again = await create();
  stage.check(
    again.headers.get("idempotent-replayed") === "true" && again.body.id === created.body.id,
    "once more gets the first answer again, not another Bob",
  );
  const { body } = await stage.request<UserPage>("GET", "/users?q=Bob");
  stage.check(body.items.length === 1, "there is exactly one Bob");
}

async function repairsADeadLetter(stage: Stage, backstage: Backstage, ann: User): Promise<void> {
  stage.chapter("The audit log can't take an event");
  const correlationId = "demo-poison";
  await backstage.breakAudit(correlationId);
  stage.say(`its database refuses entries of ${correlationId} now (a trigger)`);
  const changed = await stage.request<User>("PATCH", `/users/${ann.id}`, {
    headers: { "X-Correlation-ID": correlationId },
    body: { displayName: "Ann Miller-Lee" },
  });
  stage.check(changed.status === 200, "the write does not depend on it");
  const page = await stage.until<DeadLetterPage>(
    "/dead-letters?status=pending",
    "after its retries the event is a dead letter that names the request and the reason",
    ({ items }) => items.some((letter) => letter.correlationId === correlationId),
  );
  const letter = page.items.find((item) => item.correlationId === correlationId) as DeadLetter;
  stage.say(`reason ${letter.reason} after ${letter.attempts} tries: ${letter.error}`);
  await backstage.mendAudit();
  stage.say("the cause is mended (the trigger is dropped); now the letter is replayed");
  const replayed = await stage.request<DeadLetter>("POST", `/dead-letters/${letter.id}/replay`);
  stage.check(replayed.status < 300, "it is on its way again");
  await stage.until<AuditPage>(
    `/audit?correlationId=${correlationId}`,
    "the audit log has its entry, once",
    ({ items }) => items.length === 1,
  );
}

async function tracesARequest(stage: Stage): Promise<void> {
  stage.chapter("What became of that request?");
  const path = "/trace/demo-poison";
  await stage.until<Trace>(
    path,
    "the whole way, from durable rows: complete",
    ({ verdict }) => verdict.state === "complete",
  );
  const { body } = await stage.request<Trace>("GET", path, { quiet: true });
  stage.say("npm run trace and the REPL's trace tell it so:");
  for (const line of traceText(body).split("\n")) stage.say(`  ${line}`);
}

/** Resolves when every chapter went as told; throws DemoFailed. */
export async function play(stage: Stage, backstage: Backstage): Promise<void> {
  const ann = await creates(stage);
  await renames(stage, ann);
  await survivesAnOutage(stage, backstage, ann);
  await repairsADeadLetter(stage, backstage, ann);
  await tracesARequest(stage);
}
