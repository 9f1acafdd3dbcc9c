/** Events as the users service of today writes them into its outbox: a user's whole life, one with odd names, and one that was erased. */
import { type Rig, startRig } from "./rig.ts";

/** As a relay does, nothing stays behind. */
async function takeAll({ usersDb }: Rig): Promise<Record<string, unknown>[]> {
  const { rows } = await usersDb.query<{ id: string; body: string }>("delete from outbox returning id, body");
  return rows
    .sort((a, b) => Number(a.id) - Number(b.id))
    .map(({ body }) => JSON.parse(body) as Record<string, unknown>);
}

/** In the order of their publication. Needs PostgreSQL; everything but ids and times is the same every time. */
export async function recordEvents(): Promise<Record<string, unknown>[]> {
  const rig = await startRig({ services: ["users", "smtp-registry"] });
  try {
    const meta = (correlationId: string) => ({
      correlationId,
      actor: "hr-portal",
      traceparent: "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
    });
    const { id } = await rig.call(
      "users.create",
      { displayName: "Ann Lee", primarySmtp: "ann.lee@example.com", secondarySmtps: ["ann@example.com"] },
      meta("create-ann"),
    );
    await rig.call("users.patch", { id, displayName: "Ann Lee-Müller" }, meta("rename-ann"));
    await rig.call("users.patch", { id, primarySmtp: "ann.mueller@example.com" }, meta("marry-ann"));
    await rig.call("users.remove", { id }, meta("remove-ann"));
    await rig.call("users.restore", { id }, meta("restore-ann"));
    await rig.call("users.create", {
      displayName: "Žofie 王 'O\"Hara",
      primarySmtp: "žofie+王@bücher.example",
    });
    const { id: cy } = await rig.call("users.create", { displayName: "Cy", primarySmtp: "cy@example.com" });
    await rig.call("users.remove", { id: cy });
    const told = await takeAll(rig);
    await rig.call("users.erase", { id: cy, reason: "Ticket 4711" }, meta("erase-cy"));
    return [...told, ...(await takeAll(rig))];
  } finally {
    await rig.stop();
  }
}
