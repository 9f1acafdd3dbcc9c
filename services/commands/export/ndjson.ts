/** One JSON object a line, with the members of a create (`POST /users`); of deleted people `id` and `deletedAt` besides. */
import type { Person, Writer } from "../../contracts/people-csv.ts";

export const ndjson = (deleted: boolean): Writer => ({
  head: "",
  line({ id, deletedAt, ...person }: Person): string {
    return `${JSON.stringify(deleted ? { ...person, id, deletedAt } : person)}\n`;
  },
});
