/** A tier, or a file that somebody names, waits for the servers that it uses and for no others. */
import { globSync } from "node:fs";
import test from "ava";
import { root } from "../support/processes.ts";
import { type ServerName, serversOf } from "../support/provision/needs.ts";

const needs: Record<string, ServerName[]> = {
  "test/unit/address.test.ts": [],
  "test/unit/alerts.test.ts": ["prometheus"],
  "test/contract/bus-rabbitmq.test.ts": ["rabbit"],
  "test/integration/registry-suffix.test.ts": ["postgres"],
  "test/integration/event-path.test.ts": ["postgres", "rabbit"],
  "test/system/embedded.test.ts": [],
  "test/system/observability.test.ts": ["postgres", "rabbit", "prometheus"],
  "test/system/postfix.test.ts": ["postgres", "rabbit", "postfix"],
  "test/system/mail-guide.test.ts": ["postgres", "rabbit", "postfix", "exim", "haraka"],
  "test/system/console-shell.test.ts": ["chromium"],
  "test/chaos/chaos.test.ts": [],
  "test/ha/ha.test.ts": [],
};

for (const [file, names] of Object.entries(needs))
  test(`${file} needs ${names.join(", ") || "no server"}`, (t) => {
    t.deepEqual(serversOf([file], root), names);
  });

test("the unit tests need no RabbitMQ", (t) => {
  t.false(serversOf(globSync("test/unit/*.test.ts", { cwd: root }), root).includes("rabbit"));
});

test("what several files need is what each of them does", (t) => {
  const files = ["test/unit/alerts.test.ts", "test/contract/bus-rabbitmq.test.ts"];
  t.deepEqual(serversOf(files, root), ["rabbit", "prometheus"]);
});
