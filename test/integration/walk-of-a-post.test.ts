/** One `POST /users` through gateway, users and smtp-registry, function by function, held against docs/architecture.md. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import test from "ava";
import { eventually } from "../support/eventually.ts";
import { repositoryRoot } from "../support/gate/run-tool.ts";
// What imports a file of ours is imported once this one is there.
import { type Step, walkOf } from "../support/walk.ts";

/** As many walks are compared: what runs by a timer of its own beside one of them is not part of it. */
const walksCount = 3;

interface Row {
  readonly file: string;
  readonly names: readonly string[];
}

/** The table under `## The walk of a POST`: step, file, functions, what is done. */
function tableOf(page: string): Row[] {
  const [, section = ""] = /^## The walk of a POST\n(.*?)^## /ms.exec(page) ?? [];
  return [...section.matchAll(/^\| \d+ \| `([^`]+)` \| ([^|]+) \|/gm)].map(([, file = "", names = ""]) => ({
    file,
    names: [...names.matchAll(/`([^`]+)`/g)].map(([, name = ""]) => name),
  }));
}

async function walks(t: { teardown(end: () => Promise<void>): void }): Promise<(readonly Step[])[]> {
  const { rigOf } = await import("../support/rig.ts");
  const rig = await rigOf(t, { services: ["gateway", "users", "smtp-registry"] });
  const { lines } = rig;
  const post = async (number: number): Promise<void> => {
    const answered = lines.length;
    const ann = { displayName: "Ann", primarySmtp: `ann.${"abcdefgh"[number]}@example.com` };
    const { status, body } = await rig.http("POST", "/users", ann, { "idempotency-key": `walk-${number}` });
    if (status !== 201) throw new Error(`Cannot walk: ${status} ${JSON.stringify(body)}`);
    await eventually(() => {
      if (!lines.slice(answered).some(({ msg }) => msg === "request answered"))
        throw new Error("It is not over");
    });
  };
  // What is made once, at the first request, is no part of the way of each.
  await post(0);
  const result: (readonly Step[])[] = [];
  for (let number = 1; number <= walksCount; number += 1) result.push(await walkOf(() => post(number)));
  return result;
}

test("a POST walks the files of the table in its order, fewer than 50, and enters none of the gateway more than twice", async (t) => {
  const [walk = [], ...others] = await walks(t);
  const isInAll = (file: string): boolean =>
    others.every((other) => other.some((step) => step.file === file));
  const files = [...new Set(walk.map(({ file }) => file))].filter(isInAll);
  const table = tableOf(readFileSync(join(repositoryRoot, "docs/architecture.md"), "utf8"));
  t.deepEqual(
    table.map(({ file }) => file),
    files,
  );
  t.true(files.length < 50, `${files.length} files`);
  for (const { file, names } of table) {
    const ran = new Set(walk.filter((step) => step.file === file).map(({ name }) => name));
    t.true(names.length > 0, file);
    t.deepEqual(
      names.filter((name) => !ran.has(name)),
      [],
      `${file} runs ${[...ran].join(", ")}`,
    );
  }
  for (const file of files.filter((path) => path.startsWith("services/gateway/"))) {
    const entries = walk.filter((step) => step.file === file && step.entered).map(({ name }) => name);
    t.true(entries.length <= 2, `${file} is entered by ${entries.join(", ")}`);
  }
});
