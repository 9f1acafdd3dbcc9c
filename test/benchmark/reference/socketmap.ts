/**
 * The bare socketmap server: one prepared statement a look-up, and nothing else. It knows no tags, no holds, no erased
 * addresses, no limits and no deadline, and keeps no count.
 *
 * It prints `ready <port>` once it serves.
 */
import { type AddressInfo, createServer, type Socket } from "node:net";
import pg from "pg";
import { addressKey } from "../../../services/contracts/address.ts";

const pool = new pg.Pool({ connectionString: process.env.REGISTRY_DATABASE_URL ?? "", max: 20 });

const primary = `
select coalesce(p.address, a.address) as primary
from addresses a
left join addresses p
  on a.kind = 'secondary' and p.user_id = a.user_id and p.kind = 'primary' and p.status = 'active'
where a.key = $1 and a.status = 'active'`;

async function replyTo(request: string): Promise<string> {
  const values = [addressKey(request.slice(request.indexOf(" ") + 1))];
  const { rows } = await pool.query<{ primary: string }>({ name: "primary", text: primary, values });
  return rows[0] === undefined ? "NOTFOUND " : `OK ${rows[0].primary}`;
}

/** A client that waits for each answer: what comes is one request. */
function serve(socket: Socket): void {
  socket.setNoDelay(true);
  socket.on("error", () => socket.destroy());
  socket.on("data", async (part) => {
    const text = part.toString("utf8");
    const reply = await replyTo(text.slice(text.indexOf(":") + 1, -1));
    socket.write(`${Buffer.byteLength(reply)}:${reply},`);
  });
}

const server = createServer(serve);
server.listen(0, "127.0.0.1", () =>
  process.stdout.write(`ready ${(server.address() as AddressInfo).port}\n`),
);
process.once("SIGTERM", () => process.exit(0));
