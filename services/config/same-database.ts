/** Whether two URLs of PostgreSQL name one database. */
import { serversOf } from "../../mixins/postgres/database-url.ts";

/** Two ways of writing one database would have two services at each other's tables. */
export function isSameDatabase(one: string | undefined, other: string | undefined): boolean {
  if (one === undefined || other === undefined) return false;
  const socket = (url: URL): string | null => url.searchParams.get("host");
  const place = (server: string): string => {
    const url = new URL(server);
    return [url.hostname.toLowerCase(), url.port || "5432", url.pathname || url.username, socket(url)].join(
      "/",
    );
  };
  const places = new Set(serversOf(one).map(place));
  return serversOf(other).some((server) => places.has(place(server)));
}
