/** What an operator sees of, and does to, a system of several processes. */
import test from "ava";
import { partsOf, runningSystem, stopsInOrder } from "../support/distributed-system.ts";
import { eventually } from "../support/eventually.ts";
import { joinAsOperator } from "../support/operator.ts";
import { request, type TestProcess } from "../support/processes.ts";
import { ownAddress } from "../support/system-story.ts";

const create = (gateway: TestProcess, correlationId: string) =>
  request(`${gateway.httpUrl}/users`, {
    body: { displayName: "Ann Example", primarySmtp: ownAddress() },
    headers: { "x-correlation-id": correlationId },
  });

const linesOf = (part: TestProcess, correlationId: string) =>
  part.logs().filter((line) => line.correlationId === correlationId);

test.serial(
  "every line that a request leaves in any process, also of Moleculer and of the database, has its id",
  async (t) => {
    const running = await runningSystem(t, { environment: { LOG_LEVEL: "trace" } });
    const { system } = running;
    t.is((await create(system.gateway, "walk-1")).status, 201);
    const handled = await eventually(() => {
      const lines = partsOf(system).flatMap((part) => linesOf(part, "walk-1"));
      const ends = lines.filter(({ msg }) => msg === "event handled");
      if (ends.length < 2) throw new Error("The event is not handled by both");
      return ends;
    });
    t.deepEqual(handled.map(({ service }) => service).sort(), ["audit", "smtp-registry"]);
    for (const part of partsOf(system)) {
      const services = new Set(linesOf(part, "walk-1").map(({ service }) => service));
      t.true(services.has("moleculer"), `Moleculer's lines in ${[...services].join()}`);
      // Whatever names an action of the request or writes what it changed belongs to it; nobody else has asked.
      for (const line of part.logs()) {
        const ofRequest =
          /'(users\.create|smtp-registry\.reserve)'/.test(String(line.msg)) ||
          /insert into users\b/.test(String(line.sql));
        if (ofRequest && !/registered|added/.test(String(line.msg)))
          t.is(line.correlationId, "walk-1", JSON.stringify(line));
      }
      const text = part.stdout();
      t.notRegex(text, /Ann Example|ann example/);
    }
    const statements = linesOf(system.users, "walk-1").filter(({ msg }) => msg === "statement");
    t.true(statements.some(({ sql }) => /insert into users\b/.test(String(sql))));
    t.true(linesOf(system.registry, "walk-1").some(({ sql }) => sql !== undefined));
    await stopsInOrder(t, running);
  },
);

test.serial(
  "the log level of one process or of all is changed while they run, for some minutes or for good",
  async (t) => {
    const running = await runningSystem(t);
    const { system, own } = running;
    const operator = await joinAsOperator(own.vhost.url, ["ops"]);
    try {
      const levels = await eventually(async () => {
        const { nodes, unanswered } = await operator.everywhere("ops.log-level", {});
        if (Object.keys(nodes).length < 3 || unanswered.length > 0) throw new Error("not all are here");
        return nodes;
      });
      t.deepEqual(new Set(Object.values(levels).map(({ level }) => level)), new Set(["info"]));
      const one = String(system.registry.logs()[0]?.nodeID);
      const changed = await operator.everywhere("ops.log-level", { level: "debug", minutes: 5 }, one);
      t.deepEqual(Object.keys(changed.nodes), [one]);
      t.is(changed.nodes[one]?.level, "debug");
      t.true(Date.parse(changed.nodes[one]?.until ?? "") > Date.now());
      t.is((await create(system.gateway, "level-1")).status, 201);
      await eventually(() => {
        if (!linesOf(system.registry, "level-1").some(({ level }) => level === "debug"))
          throw new Error("no debug");
      });
      t.false(linesOf(system.users, "level-1").some(({ level }) => level === "debug"));
      t.like(
        system.registry.logs().find(({ msg }) => msg === "log level changed"),
        { service: "ops", level: "debug", from: "info", minutes: 5, actor: "operator" },
      );

      const all = await operator.everywhere("ops.log-level", { level: "error" });
      t.deepEqual(Object.values(all.nodes), Array(3).fill({ level: "error", until: null }));
      for (const wrong of [{ level: "loud" }, { level: "debug", minutes: 0 }])
        await t.throwsAsync(operator.everywhere("ops.log-level", wrong as never), { name: "Refusal" });
      await t.throwsAsync(operator.everywhere("ops.log-level", {}, "nobody"), { name: "Refusal" });
    } finally {
      await operator.leave();
    }
    await stopsInOrder(t, running);
  },
);
