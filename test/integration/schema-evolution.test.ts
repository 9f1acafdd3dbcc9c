/**
 * Releases that run beside each other: what a release published goes through today's consumers, and what today's
 * users service publishes is understood by the consumers of every release.
 */
import { Ajv2020 } from "ajv/dist/2020.js";
import addFormats from "ajv-formats";
import test, { type ExecutionContext } from "ava";
import pg from "pg";
import { type ApplyEvents, eventHandler } from "../../mixins/bus/event-consumer.ts";
import { processMetrics } from "../../mixins/metrics/metrics.ts";
import { AuditEntryRow } from "../../services/audit/entities.ts";
import { append } from "../../services/audit/entries.ts";
import { eventTypes } from "../../services/contracts/events.ts";
import { migrate } from "../../services/runtime/migrations.ts";
import { delivery } from "../support/events.ts";
import { type Release, readRelease, releases, retiredTypes } from "../support/gate/schema-releases.ts";
import { testLogger } from "../support/logs.ts";
import { openDatabase } from "../support/own-database.ts";
import { recordEvents } from "../support/recorded-events.ts";
import { registryParts } from "../support/registry-parts.ts";
import { testDatabase } from "../support/resources.ts";

interface Told {
  readonly id: string;
  readonly type: string;
  readonly subject: string;
  readonly sequence: number;
  readonly actor: string;
  readonly correlationid: string;
  /** Nothing of it is there once the user is erased. */
  readonly data: {
    readonly user?: {
      readonly primarySmtp: string;
      readonly secondarySmtps: string[];
      readonly deletedAt: string | null;
    };
    readonly changes?: unknown[];
  };
}

const log = testLogger({ nodeId: "schema-evolution" });
let recorded: Told[];

test.before(async () => {
  recorded = (await recordEvents()) as unknown as Told[];
});

/** The real consumer: parse, apply, verdict. Every event must be done at its first try. */
async function consume(t: ExecutionContext, events: readonly unknown[], apply: ApplyEvents): Promise<void> {
  const options = {
    name: "replay",
    queue: "replay",
    retryDelaysMs: [],
    log,
    metrics: processMetrics(),
    apply,
  };
  const verdicts = await eventHandler(
    options,
    new AbortController().signal,
  )(events.map((event) => delivery(JSON.stringify(event))));
  t.deepEqual(
    verdicts,
    events.map(() => ({ kind: "done" as const })),
  );
}

/** The last word about each user, who holds which address as what. */
const ownersOf = (events: readonly Told[]) =>
  [...new Map(events.map((event) => [event.subject, event])).values()].flatMap(
    ({ subject, data: { user } }) =>
      (user === undefined ? [] : [user.primarySmtp, ...user.secondarySmtps]).map((address, index) => ({
        address,
        userId: subject,
        kind: index === 0 ? "primary" : "secondary",
        status: user?.deletedAt === null ? "active" : "deleted",
      })),
  );

async function registryFollows(t: ExecutionContext, events: readonly Told[]): Promise<void> {
  const rig = await registryParts();
  try {
    await consume(t, events, (parsed) => rig.apply(...parsed));
    for (const owner of ownersOf(events)) t.like(await rig.lookUp(owner.address), owner);
  } finally {
    await rig.close();
  }
}

async function auditFollows(t: ExecutionContext, events: readonly Told[], kept = events): Promise<void> {
  const own = await testDatabase();
  await migrate("users", own.url);
  const db = await openDatabase(own.url, [AuditEntryRow]);
  const client = new pg.Client({ connectionString: own.url });
  await client.connect();
  try {
    await consume(t, events, (parsed) => db.transaction((em) => append(em, parsed)));
    const { rows } = await client.query(
      "select id, user_id, version, actor, correlation_id, changes from audit_entries order by user_id, version",
    );
    const once = [...new Map(kept.map((event) => [event.id, event])).values()];
    t.deepEqual(
      rows,
      once
        .map((event) => ({
          id: event.id,
          user_id: event.subject,
          version: event.sequence,
          actor: event.actor,
          correlation_id: event.correlationid,
          changes: event.data.changes ?? [],
        }))
        .sort((a, b) => a.user_id.localeCompare(b.user_id) || a.version - b.version),
    );
  } finally {
    await client.end();
    await db.close();
    await own.drop();
  }
}

/** A consumer of that release, by the schema it validates with: faults of the events whose types it knows. */
function refusedBy(release: Release, events: readonly { readonly type: string }[]): string[] {
  const ajv = new Ajv2020({ strict: false, allErrors: true });
  (addFormats as unknown as (ajv: Ajv2020) => void)(ajv);
  return events.flatMap((event) => {
    const { type } = event;
    const schema = release.schemas.get(type);
    if (schema === undefined) return [];
    const { $id: _, ...bare } = schema;
    return ajv.validate(bare, event) ? [] : [`${type}: ${ajv.errorsText()}`];
  });
}

/** A later users release: one more optional member wherever an object is. */
const extended = (event: Told): Told =>
  ({
    ...event,
    tenant: "north",
    data: {
      ...event.data,
      batch: { id: 7 },
      ...(event.data.user === undefined
        ? {}
        : { user: { ...event.data.user, department: "Sales", manager: null } }),
      changes: (event.data.changes ?? []).map((change) => ({ ...(change as object), reason: "hired" })),
    },
  }) as Told;

const knownTypes: readonly string[] = eventTypes;
const stillRead = (release: Release): Told[] => {
  const retired = retiredTypes();
  return (release.events as unknown as Told[]).filter(({ type }) => !(type in retired));
};

for (const version of releases()) {
  const release = readRelease(version);

  test(`the events of ${version} name every type of that release`, (t) => {
    t.deepEqual(
      [...new Set(release.events.map(({ type }) => type))].sort(),
      [...release.schemas.keys()].sort(),
    );
    t.true(stillRead(release).every(({ type }) => knownTypes.includes(type)));
    t.deepEqual(refusedBy(release, release.events), []);
  });

  test.serial(`today's smtp-registry follows the events of ${version}`, (t) =>
    registryFollows(t, stillRead(release)),
  );

  test.serial(`today's audit log keeps the events of ${version}`, (t) => auditFollows(t, stillRead(release)));

  test(`a consumer of ${version} understands today's events, whatever optional members come on top`, (t) => {
    const types = new Set(recorded.map(({ type }) => type));
    for (const type of release.schemas.keys())
      t.true(types.has(type) || type in retiredTypes(), `nobody publishes ${type}`);
    t.deepEqual(refusedBy(release, recorded), []);
    t.deepEqual(refusedBy(release, recorded.map(extended)), []);
  });

  test(`a consumer of ${version} refuses an event whose name for a member is another`, (t) => {
    const renamed = recorded.map((event) => {
      const { primarySmtp, ...user } = event.data.user ?? {};
      return { ...event, data: { ...event.data, user: { ...user, mail: primarySmtp } } };
    });
    t.is(refusedBy(release, renamed).length, renamed.filter(({ type }) => release.schemas.has(type)).length);
  });
}

test.serial("today's smtp-registry follows a users release that adds optional members", (t) =>
  registryFollows(t, recorded.map(extended)),
);

test.serial("today's audit log keeps what it knows of a users release that adds optional members", (t) =>
  auditFollows(t, recorded.map(extended), recorded),
);
