/** What an operator at the console can ask for, with real people in the system: none of them is in any answer. */
import test from "ava";
import { DeadLetterRecord, storeDeadLetter } from "../../mixins/bus/dead-letters.ts";
import { permits } from "../../services/contracts/access.ts";
import { ActivityPage } from "../../services/contracts/activity.ts";
import { operations } from "../../services/gateway/routes/index.ts";
import { pathOf } from "../support/access-walk.ts";
import { type Browser, browserAt } from "../support/console-browser.ts";
import { userEvent } from "../support/events.ts";
import { eventually } from "../support/eventually.ts";
import { makeKey } from "../support/keys.ts";
import { letterOf } from "../support/letters.ts";
import { openDatabase } from "../support/own-database.ts";
import { type Rig, rigOf } from "../support/rig.ts";

const person = {
  displayName: "Zebulon Quagga",
  primarySmtp: "zebulon.quagga@example.com",
  secondarySmtps: ["z.quagga@example.com"],
  externalId: "hr-zebulon",
  userName: "zquagga@corp.example",
};
/** In whatever form. */
const ofPerson = /zebulon|quagga/i;
const correlationId = "made-and-changed";
const operator = { id: "key:walk", via: "key", roles: ["operator"] } as const;

async function browserOf(rig: Rig, role: "operator" | "owner"): Promise<Browser> {
  const { key } = await makeKey(rig, role, { name: role });
  const browser = browserAt(rig.url);
  await eventually(async () => {
    const { status } = await browser.ask("POST", "/session/key", { key });
    if (status !== 204) throw new Error(`${status}`);
  });
  return browser;
}

/** A letter of the person's event, and one that is no event. Resolves with their ids. */
async function lettersOfPerson(rig: Rig): Promise<string[]> {
  const db = await openDatabase(rig.config.usersDatabaseUrl ?? "", [DeadLetterRecord]);
  try {
    const event = userEvent();
    const user = { ...event.data.user, ...person };
    const changes = [{ field: "displayName", from: person.displayName, to: "Zebulon" }];
    const ofEvent = letterOf({}, { ...event, data: { ...event.data, user, changes } } as typeof event);
    const text = letterOf({
      body: Buffer.from(`half an event of ${person.displayName} <${person.primarySmtp}>`),
    });
    for (const letter of [ofEvent, { ...text, messageId: "no event" }])
      await db.transaction((em) => storeDeadLetter(em, letter));
    const rows = await db.read((em) => em.find(DeadLetterRecord, {}));
    return rows.map(({ id }) => id);
  } finally {
    await db.close();
  }
}

test("whatever an operator can read tells no name, no address and no id of a person, and opening a letter is on record", async (t) => {
  const rig = await rigOf(t, { environment: { AUTH: "required" }, limits: { keysEveryMs: 50 } });
  const owner = await browserOf(rig, "owner");
  const desk = await browserOf(rig, "operator");
  const trace = { "x-correlation-id": correlationId };
  const made = await owner.ask("POST", "/users", person, trace);
  t.is(made.status, 201, JSON.stringify(made.body));
  const change = { displayName: "Zebulon Quagga-Lee", primarySmtp: "zebulon.lee@example.com" };
  t.is((await owner.ask("PATCH", `/users/${made.body.id}`, change, trace)).status, 200);
  const letters = await lettersOfPerson(rig);
  const begun = await desk.ask("POST", "/reconciliations");
  t.is(begun.status, 202);
  const { body: causes } = await desk.ask("GET", "/dead-letters/causes");
  const { cause, lastFailedAt: failedBefore } = causes.items[0];
  const replay = await desk.ask("POST", "/dead-letters/replays", { cause, failedBefore, max: 1 });
  t.is(replay.status, 202, JSON.stringify(replay.body));

  /** A new row that an operator may read belongs here, with something to find in it. */
  const examples: Readonly<Record<string, readonly string[]>> = {
    "/trace/:correlationId": [`/trace/${correlationId}`],
    "/dead-letters": ["/dead-letters?status=all"],
    "/dead-letters/causes": ["/dead-letters/causes"],
    "/dead-letters/:id": letters.map((id) => `/dead-letters/${id}`),
    "/dead-letters/replays/:id": [`/dead-letters/replays/${replay.body.id}`],
    "/status": ["/status"],
    "/reconciliations/latest": ["/reconciliations/latest"],
    "/reconciliations/:id": [`/reconciliations/${begun.body.id}`],
  };
  const reads = operations.filter(({ method }) => method === "GET");
  const visited: string[] = [];
  for (const row of reads) {
    const { scope } = row;
    if (scope === "public" || scope === "documents") continue;
    if (permits(operator, scope)) {
      for (const path of examples[row.path] ?? []) {
        const { status, body, headers } = await desk.ask("GET", path);
        t.is(status, 200, path);
        t.notRegex(JSON.stringify([body, [...headers]]), ofPerson, path);
      }
      visited.push(row.path);
    } else t.is((await desk.ask("GET", pathOf(row))).status, 403, row.path);
  }
  t.deepEqual(visited.toSorted(), Object.keys(examples).toSorted());

  const { body: seen } = await owner.ask("GET", `/trace/${correlationId}`);
  t.regex(JSON.stringify(seen), ofPerson, "it is the role that hides them");
  const opened = await eventually(async () => {
    const { body } = await owner.ask("GET", "/activity?limit=200&action=dead-letters.get");
    const { items } = ActivityPage.parse(body);
    if (items.length < letters.length) throw new Error(JSON.stringify(items));
    return items;
  });
  t.deepEqual(opened.map(({ target }) => target?.id).toSorted(), letters.toSorted());
  t.true(opened.every(({ reason }) => reason === "people masked"));
});
