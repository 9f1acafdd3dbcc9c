/** `users` and `address`: who there is, and who holds an address, now or at a time in the past. */
import type { User } from "../../contracts/user.ts";
import { type Command, type Desk, WrongUse, wordAt } from "./command.ts";

const rowOf = ({ id, displayName, primarySmtp, secondarySmtps, version }: User) => [
  id,
  displayName,
  primarySmtp,
  secondarySmtps.length,
  version,
];

const shownMax = 50;

async function list({ call, table }: Desk, q: string | undefined): Promise<string> {
  const { items, nextCursor } = await call("users.list", {
    limit: shownMax,
    ...(q === undefined ? {} : { q }),
  });
  const rows = table(
    ["id", "name", "primary", "secondaries", "version"],
    items.map(rowOf),
    "There is no such user",
  );
  return nextCursor === null
    ? rows
    : `${rows}\nand more: narrow it with users list <part of a name or address>`;
}

async function show({ call, table }: Desk, id: string): Promise<string> {
  const user = await call("users.get", { id });
  const addresses = [user.primarySmtp, ...user.secondarySmtps];
  const answers = await Promise.all(addresses.map((address) => call("smtp-registry.lookup", { address })));
  return [
    `${user.displayName} (${user.id})`,
    `version ${user.version}, created ${user.createdAt}, updated ${user.updatedAt}`,
    "",
    table(
      ["address", "as users says", "as smtp-registry says"],
      addresses.map((address, index) => [
        address,
        index === 0 ? "primary" : "secondary",
        `${answers[index]?.kind ?? "nobody's"}, ${answers[index]?.status}`,
      ]),
    ),
  ].join("\n");
}

async function find({ call, table }: Desk, smtp: string): Promise<string> {
  const { items } = await call("users.list", { smtp });
  return table(
    ["id", "name", "primary", "secondaries", "version"],
    items.map(rowOf),
    "Nobody holds this address",
  );
}

export const usersCommand: Command = {
  name: "users",
  description: "The users",
  usage: ["users list [part of a name or address]", "users find <address>", "users show <id>"],
  async run(desk, words) {
    const [verb = "list"] = words;
    if (verb === "list") return list(desk, words[1]);
    if (verb === "find") return find(desk, wordAt(words, 1, "The address"));
    if (verb === "show") return show(desk, wordAt(words, 1, "The id"));
    throw new WrongUse(`There is no users ${verb}`);
  },
};

export const addressCommand: Command = {
  name: "address",
  description: "Who holds an address, as smtp-registry knows it",
  usage: ["address <address> [RFC 3339 time]"],
  async run({ call, table }, words) {
    const at = words[1];
    const word = wordAt(words, 0, "The address");
    const info = await call("smtp-registry.lookup", { address: word, ...(at === undefined ? {} : { at }) });
    return table(
      ["address", "status", "kind", "user"],
      [[info.address, info.status, info.kind, info.userId]],
    );
  },
};
