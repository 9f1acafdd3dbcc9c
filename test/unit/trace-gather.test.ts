/** What is asked of the owners of a trace, and what their answers come to together. */
import test from "ava";
import { type Caller, gather } from "../../services/trace/gather.ts";

const ids = Array.from({ length: 8 }, (_, n) => `0199a000-0000-7000-8000-${String(n).padStart(12, "0")}`);
/** The first ones that an owner knows of these, and how many more it knows. */
const first = (known: readonly string[], limit: number) => ({
  shown: known.slice(0, limit),
  left: Math.max(0, known.length - limit),
});

test("an event of which outbox and audit both know is behind a part once, though each is as far as it is", async (t) => {
  const limit = 4;
  const [outbox, audit] = [first(ids, limit), first(ids.slice(2), limit)];
  const answers: Record<string, unknown> = {
    "outbox.trace": {
      events: outbox.shown.map((id) => ({ eventId: id, userId: id, version: 1, type: "user.created.v1" })),
      left: outbox.left,
    },
    "audit.request": {
      items: audit.shown.map((id) => ({ id, userId: id, version: 1, action: "user.created" })),
      left: audit.left,
    },
    "audit.trace": { recorded: [] },
  };
  const broker = { call: async (name: string) => answers[name] } as Caller;
  const { events, left } = await gather(broker, "import", null, limit);
  t.deepEqual([events.map(({ eventId }) => eventId), left], [ids.slice(0, limit), 4]);
});
