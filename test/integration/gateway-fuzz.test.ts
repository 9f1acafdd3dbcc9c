/** Whatever is sent, the answer is never a 5xx and every refusal is a problem that carries the correlation id. */
import test from "ava";
import { type TestGateway, testGateway } from "../support/gateway.ts";
import { fuzz } from "../support/http-fuzz.ts";
import { auditStandIn, registryStandIn, usersStandIn } from "../support/stand-ins.ts";

let gateway: TestGateway;
test.before(async () => {
  gateway = await testGateway({ services: [usersStandIn(), registryStandIn(), auditStandIn()] });
});
test.after.always(() => gateway.stop());

const runs = 1_500;

test("no request makes a 5xx, and every refusal is a problem with the correlation id", async (t) => {
  await fuzz(gateway.port, runs);
  t.false(Object.hasOwn(Object.prototype, "x"));
  t.is(gateway.lines.filter(({ level }) => level === "error").length, 0);
});
