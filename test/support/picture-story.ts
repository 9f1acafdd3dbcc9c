/** What the pictures of the README show: an address with a year of life, and a request that is stuck. */
import type { Role } from "../../services/contracts/roles.ts";
import { eventually } from "./eventually.ts";
import { bearer, makeKey } from "./keys.ts";
import { type Rig, startRig } from "./rig.ts";

const dayMs = 86_400_000;

export interface PictureStory {
  readonly url: string;
  /** A key that sees everything. */
  readonly key: string;
  readonly places: { readonly address: string; readonly trace: string };
  stop(): Promise<void>;
}

type Ask = Rig["http"];

/** As the holder of a new key, once the gateway knows it. */
async function askerOf(rig: Rig, role: Role, name: string): Promise<{ key: string; ask: Ask }> {
  const { key } = await makeKey(rig, role, { name });
  const ask: Ask = (method, path, body, headers) =>
    eventually(async () => {
      const answer = await rig.http(method, path, body, { ...headers, ...bearer(key) });
      const { status } = answer;
      if (status >= 400) throw new Error(`${method} ${path}: ${status} ${JSON.stringify(answer.body)}`);
      return answer;
    });
  return { key, ask };
}

export async function startPictureStory(): Promise<PictureStory> {
  let aheadMs = 0;
  const goTo = (daysAgo: number): void => {
    aheadMs = -daysAgo * dayMs;
  };
  goTo(270);
  const rig = await startRig({
    environment: { AUTH: "required", RECONCILE_MINUTES: "0", RETRY_DELAYS_MS: "50,100,200" },
    limits: { keysEveryMs: 50 },
    now: () => new Date(Date.now() + aheadMs),
  });
  const hr = await askerOf(rig, "provisioner", "hr-sync");
  const change = async (daysAgo: number, ...asked: Parameters<Ask>): Promise<{ id: string }> => {
    goTo(daysAgo);
    return (await hr.ask(...asked)).body;
  };
  const anyVersion = { "if-match": "*" };
  const { id: ann } = await change(270, "POST", "/users", {
    displayName: "Ann Chen",
    primarySmtp: "ann.lee@example.com",
  });
  const renamed = { primarySmtp: "ann.chen@example.com" };
  await change(180, "PATCH", `/users/${ann}`, renamed, { ...anyVersion, "x-correlation-id": "ticket-3902" });
  await change(120, "PATCH", `/users/${ann}`, { secondarySmtps: [] }, anyVersion);
  await change(60, "POST", "/users", { displayName: "Anna Lee", primarySmtp: "ann.lee@example.com" });

  goTo(0);
  const { key, ask } = await askerOf(rig, "owner", "Olga Owner");
  await rig.usersDb.query(`create function refuse_entry() returns trigger language plpgsql as
       $$ begin raise exception 'no such partition'; end $$;
     create trigger refuse_entry before insert on audit_entries for each row
       when (new.correlation_id = 'ticket-4711') execute function refuse_entry()`);
  const called = { ...anyVersion, "x-correlation-id": "ticket-4711" };
  await ask(
    "PATCH",
    `/users/${ann}`,
    { displayName: "Ann Chen-Lee", primarySmtp: "a.chen@example.com" },
    called,
  );
  await eventually(async () => {
    const { body } = await ask("GET", "/trace/ticket-4711");
    if (body.writes[0].verdict.state !== "stuck") throw new Error(JSON.stringify(body.writes[0].verdict));
  });
  const at = encodeURIComponent(new Date(Date.now() - 150 * dayMs).toISOString());
  return {
    url: rig.url,
    key,
    places: {
      address: `/console/addresses/ann.lee%40example.com?at=${at}`,
      trace: "/console/traces/ticket-4711",
    },
    stop: () => rig.stop(),
  };
}
