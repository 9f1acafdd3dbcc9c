/** Whatever is sent, the answer is never a 5xx and every refusal is a problem that carries the correlation id. */
import test from "ava";
import { fuzz } from "../support/http-fuzz.ts";
import { type Instance, startGateway } from "../support/rig.ts";
import { auditStandIn, registryStandIn, usersStandIn } from "../support/stand-ins.ts";

let gateway: Instance;
test.before(async () => {
  gateway = await startGateway({ standIns: [usersStandIn(), registryStandIn(), auditStandIn()] });
});
test.after.always(() => gateway.stop());

const runs = 1_500;

test("no request makes a 5xx, and every refusal is a problem with the correlation id", async (t) => {
  await fuzz(gateway.port, runs);
  t.false(Object.hasOwn(Object.prototype, "x"));
  t.is(gateway.lines.filter(({ level }) => level === "error").length, 0);
});
