/** The gate's judgement of event schemas: what may change beside a release, and what may not. */
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test from "ava";
import { eventTypes } from "../../services/contracts/events.ts";
import type { JsonSchema } from "../support/gate/schema-compatibility.ts";
import {
  eventSchemaFaults,
  frozenFaults,
  readRelease,
  releaseFaults,
  releases,
  schemaOf,
  schemasFolder,
} from "../support/gate/schema-releases.ts";

interface Shape {
  properties: Record<string, unknown>;
  required: string[];
  additionalProperties?: boolean;
}
interface Document extends Record<string, unknown> {
  $defs: Record<string, Shape & Record<string, unknown>>;
}
type Change = (user: Shape, envelope: Shape, document: Document) => void;

const type = "user.updated.v1";
const released = { version: "1.0.0", schemas: new Map<string, JsonSchema>([[type, schemaOf(type)]]) };

function faultsOf(change: Change): string[] {
  const document = structuredClone(schemaOf(type)) as Document;
  const { UserState, [type]: envelope } = document.$defs;
  if (UserState === undefined || envelope === undefined) throw new Error("The schema has other parts now");
  change(UserState, envelope, document);
  return releaseFaults(released, new Map([[type, document]]), {});
}

const without = (names: string[], gone: string): string[] => names.filter((name) => name !== gone);

const harmless: Record<string, Change> = {
  "a schema that stays as it is"() {},
  "an optional member of the user"(user) {
    user.properties.department = { type: "string" };
  },
  "an optional member of the event"(_user, envelope) {
    envelope.properties.tenant = { type: "string" };
  },
  "an optional object"(user) {
    user.properties.manager = { type: "object", properties: { id: { type: "string" } }, required: ["id"] };
  },
  "a better description"(_user, _envelope, document) {
    document.$defs.UserId = { ...document.$defs.UserId, description: "Whose" } as never;
  },
};

for (const [name, change] of Object.entries(harmless))
  test(`${name} breaks nothing`, (t) => {
    t.deepEqual(faultsOf(change), []);
  });

const today = /a consumer of release 1\.0\.0 may not understand today's events/;
const past = /today's consumers may not understand the events of release 1\.0\.0/;
const both = new RegExp(`${today.source}[\\s\\S]*${past.source}`);

const breaking: Record<string, [Change, RegExp]> = {
  "a required member that is removed": [
    (user) => {
      delete user.properties.displayName;
      user.required = without(user.required, "displayName");
    },
    today,
  ],
  "an optional member that is removed": [
    (_user, envelope) => {
      delete envelope.properties.actor;
    },
    today,
  ],
  "a member that is renamed": [
    (user) => {
      user.properties.name = user.properties.displayName;
      delete user.properties.displayName;
      user.required = [...without(user.required, "displayName"), "name"];
    },
    both,
  ],
  "a member of another type": [
    (user) => {
      user.properties.displayName = { type: "integer" };
    },
    both,
  ],
  "an optional member of another type": [
    (_user, envelope) => {
      envelope.properties.traceparent = { type: "integer" };
    },
    both,
  ],
  "a list of other things": [
    (user) => {
      user.properties.secondarySmtps = { type: "array", items: { type: "object" } };
    },
    both,
  ],
  "a new required member": [
    (user) => {
      user.properties.department = { type: "string" };
      user.required.push("department");
    },
    past,
  ],
  "an optional member that becomes required": [(_user, envelope) => envelope.required.push("actor"), past],
  "a required member that becomes optional": [
    (user) => {
      user.required = without(user.required, "displayName");
    },
    today,
  ],
  "a member that may be null": [
    (user) => {
      user.properties.displayName = { anyOf: [user.properties.displayName, { type: "null" }] };
    },
    today,
  ],
  "a bound that is wider": [
    (_user, _envelope, document) => {
      document.$defs.DisplayName = { ...document.$defs.DisplayName, maxLength: 1_000 } as never;
    },
    today,
  ],
  "a bound that is narrower": [
    (_user, _envelope, document) => {
      document.$defs.DisplayName = { ...document.$defs.DisplayName, maxLength: 10 } as never;
    },
    past,
  ],
  "an object that is closed": [
    (user) => {
      user.additionalProperties = false;
    },
    past,
  ],
  "another default": [
    (_user, envelope) => {
      envelope.properties.actor = { default: "root", type: "string", minLength: 1 };
    },
    /another meaning[\s\S]*changed: .*actor\/default \(was "anonymous", is "root"\)/,
  ],
  "another format": [
    (_user, _envelope, document) => {
      document.$defs.UserId = { ...document.$defs.UserId, format: "uri" } as never;
    },
    /another meaning[\s\S]*changed: .*UserId\/format/,
  ],
};

for (const [name, [change, expected]] of Object.entries(breaking))
  test(`${name} is refused`, (t) => {
    const [fault = "nothing was found", ...others] = faultsOf(change);
    t.regex(fault, expected);
    t.regex(fault, /^user\.updated\.v1 breaks: /);
    t.regex(fault, /docs\/guides\/schema-evolution\.md$/);
    t.deepEqual(others, []);
  });

test("the refusal names what is gone and what is new", (t) => {
  const [fault = ""] = faultsOf((user) => {
    user.properties.name = user.properties.displayName;
    delete user.properties.displayName;
  });
  t.regex(fault, /gone: \/\$defs\/UserState\/properties\/displayName/);
  t.regex(fault, /new: \/\$defs\/UserState\/properties\/name/);
});

test("an event type that is gone is refused, unless it was retired with a reason", (t) => {
  t.regex(releaseFaults(released, new Map(), {})[0] ?? "", /user\.updated\.v1 breaks: it is gone/);
  t.deepEqual(releaseFaults(released, new Map(), { [type]: "nobody reads it since 2.0.0" }), []);
});

test("a new event type breaks nothing", (t) => {
  t.deepEqual(
    releaseFaults({ version: "1.0.0", schemas: new Map() }, new Map([[type, schemaOf(type)]]), {}),
    [],
  );
});

test("a frozen release is noticed when a file of it is changed, gone or added", (t) => {
  const folder = join(mkdtempSync(join(tmpdir(), "mailroster-schemas-")), "1.0.0");
  try {
    cpSync(join(schemasFolder, releases().at(-1) ?? ""), folder, { recursive: true });
    t.deepEqual(frozenFaults(folder), []);
    const schema = join(folder, `${type}.json`);
    const text = readFileSync(schema, "utf8");
    writeFileSync(schema, text.replaceAll("displayName", "name"));
    t.regex(frozenFaults(folder)[0] ?? "", /user\.updated\.v1\.json was changed: a release is frozen/);
    rmSync(schema);
    t.is(frozenFaults(folder).length, 1);
    writeFileSync(schema, text);
    writeFileSync(join(folder, "more.json"), "{}");
    t.is(frozenFaults(folder).length, 1);
  } finally {
    rmSync(join(folder, ".."), { recursive: true });
  }
});

test("the repository's schemas are what the code says, and break no release", (t) => {
  t.deepEqual(eventSchemaFaults(), []);
  t.true(releases().length > 0);
  for (const version of releases()) t.true(readRelease(version).events.length > 0);
  const known: readonly string[] = eventTypes;
  t.deepEqual(
    [...readRelease("0.1.0").schemas.keys()].filter((name) => !known.includes(name)),
    [],
  );
});
