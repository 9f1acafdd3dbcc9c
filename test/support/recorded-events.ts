/** Events as the users service of today writes them into its outbox: a user's whole life, and one with odd names. */
import { startRig } from "./rig.ts";

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
    const { rows } = await rig.usersDb.query<{ body: string }>("select body from outbox order by id");
    return rows.map(({ body }) => JSON.parse(body) as Record<string, unknown>);
  } finally {
    await rig.stop();
  }
}
