/** What a create does with an address that somebody has: a suffix, or a refusal that says what stands in the way. */
import assert from "node:assert/strict";
import test from "ava";
import { circuitStates } from "../../mixins/metrics/metrics.ts";
import type { ActionInput } from "../../services/contracts/actions.ts";
import { Refusal } from "../../services/contracts/errors.ts";
import { eventually } from "../support/eventually.ts";
import { type Rig, startRig } from "../support/rig.ts";

let rig: Rig;
test.before(async () => {
  rig = await startRig({
    services: ["users", "smtp-registry", "outbox"],
    environment: { BLOCKED_LOCAL_PARTS: "postmaster,ceo,web2" },
  });
});
test.after.always(() => rig.stop());

type Request = Partial<ActionInput<"users.create">> & { readonly primarySmtp: string };

const create = (request: Request) => rig.call("users.create", { displayName: "Ann", ...request });

/** A refusal of the create, told as a client sees it: the sentence, and each place with what is said of it. */
async function refusalOf(request: Request): Promise<{ message: string; errors: Record<string, string> }> {
  try {
    await create(request);
  } catch (error) {
    if (!(error instanceof Refusal) || error.type !== "address-taken") throw error;
    const errors = (error.data.errors ?? []).map(({ pointer, detail }) => [pointer, detail]);
    return { message: error.message, errors: Object.fromEntries(errors) };
  }
  throw new Error("Cannot find a refusal: the user was created");
}

async function circuit(): Promise<string | undefined> {
  const { values } = await rig.metrics.circuitState.get();
  return circuitStates.find((state) =>
    values.some(({ labels, value }) => labels.state === state && value === 1),
  );
}

const numbersOf = async (domain: string): Promise<unknown[]> =>
  (await rig.registryDb.query("select next from suffixes where base_key like $1", [`%@${domain}`])).rows.map(
    ({ next }: { next: number }) => next,
  );

/** A domain of so many octets, of valid labels. */
function domainOf(octets: number, first = "d"): string {
  const labels: string[] = [];
  let left = octets;
  while (left > 62) {
    labels.push((labels.length === 0 ? first : "d").repeat(60));
    left -= 61;
  }
  return [...labels, "e".repeat(left)].join(".");
}

const whole = 254;

test.serial(
  "an address that no suffix fits is refused at once, however often it comes, and stops nobody",
  async (t) => {
    const domain = domainOf(whole - 2, "f");
    const address = `w@${domain}`;
    await create({ primarySmtp: address });
    for (let count = 0; count < 6; count += 1) {
      const { message, errors } = await refusalOf({ primarySmtp: address });
      t.regex(message, /no suffix fits/);
      t.deepEqual(Object.keys(errors), ["#/primarySmtp"]);
      t.regex(errors["#/primarySmtp"] ?? "", /no suffix fits/);
    }
    t.is(await circuit(), "closed");
    t.deepEqual(await numbersOf(domain), [2], "no number was used up");
    t.is((await create({ primarySmtp: "free@stops.example" })).primarySmtp, "free@stops.example");
  },
);

test.serial("with room for one digit the numbers 2 to 9 are given, then it is a refusal", async (t) => {
  const domain = domainOf(whole - 3, "g");
  const [first, ...others] = await Promise.all(
    Array.from({ length: 9 }, () => create({ primarySmtp: `w@${domain}` })),
  );
  t.deepEqual([first, ...others].map((user) => user?.primarySmtp.slice(0, 2)).toSorted(), [
    "w2",
    "w3",
    "w4",
    "w5",
    "w6",
    "w7",
    "w8",
    "w9",
    "w@",
  ]);
  for (let count = 0; count < 3; count += 1)
    t.regex((await refusalOf({ primarySmtp: `w@${domain}` })).message, /no suffix fits/);
  t.is(await circuit(), "closed");
  const w5 = (await rig.call("users.list", { smtp: `w5@${domain}` })).items[0];
  await rig.call("users.patch", { id: w5?.id ?? "", primarySmtp: "moved@one-digit.example" });
  await rig.call("users.patch", { id: w5?.id ?? "", secondarySmtps: [] });
  await eventually(async () => {
    const { status } = await rig.call("smtp-registry.lookup", { address: `w5@${domain}` });
    assert.equal(status, "available");
  });
  t.is((await create({ primarySmtp: `w@${domain}` })).primarySmtp, `w5@${domain}`);
});

test.serial("a character that would have to be cut in two leaves no suffix", async (t) => {
  for (const local of ["字", "é", "क्षि"]) {
    const address = `${local}@${domainOf(whole - 1 - Buffer.byteLength(local), "h")}`;
    await create({ primarySmtp: address });
    t.regex((await refusalOf({ primarySmtp: address })).message, /no suffix fits/, local);
  }
  t.is(await circuit(), "closed");
});

test.serial(
  "a secondary that no suffix fits is named where the request has it, and nothing is held",
  async (t) => {
    const domain = domainOf(whole - 2, "i");
    await create({ primarySmtp: `w@${domain}` });
    await create({ primarySmtp: "busy@named.example" });
    const { message, errors } = await refusalOf({
      primarySmtp: "busy@named.example",
      secondarySmtps: ["BUSY@named.example", "free@named.example", `W@${domain}`],
      onTaken: "suffix",
    });
    t.regex(message, /no suffix fits/);
    t.deepEqual(Object.keys(errors), ["#/secondarySmtps/2"]);
    await eventually(async () => {
      for (const address of ["free@named.example", "busy2@named.example"])
        assert.equal((await rig.call("smtp-registry.lookup", { address })).status, "available");
    });
    t.is((await create({ primarySmtp: "busy@named.example" })).primarySmtp, "busy2@named.example");
  },
);

test.serial(
  "twelve creates at once of a hundred taken addresses are all answered, with no number twice",
  async (t) => {
    const secondarySmtps = Array.from({ length: 100 }, (_, index) => `a${index}.team@hundred.example`);
    await create({ primarySmtp: "boss@hundred.example", secondarySmtps });
    const asked = { primarySmtp: "boss@hundred.example", secondarySmtps, onTaken: "suffix" as const };
    const users = await Promise.all(Array.from({ length: 12 }, () => create(asked)));
    const addresses = users.flatMap((user) => [user.primarySmtp, ...user.secondarySmtps]);
    t.is(addresses.length, 12 * 101);
    t.is(new Set(addresses).size, addresses.length);
  },
);

test.serial(
  "a taken secondary is a conflict unless a suffix was asked for, a taken primary is not",
  async (t) => {
    await create({ primarySmtp: "bob@secondary.example", secondarySmtps: ["team@secondary.example"] });
    const request = {
      primarySmtp: "bob@secondary.example",
      secondarySmtps: ["bob@secondary.example", "free@secondary.example", "Team@secondary.example"],
    };
    const { errors } = await refusalOf(request);
    t.deepEqual(Object.keys(errors), ["#/secondarySmtps/2"]);
    t.is((await create({ primarySmtp: "bob@secondary.example" })).primarySmtp, "bob2@secondary.example");
    const user = await create({ ...request, onTaken: "suffix" });
    t.is(user.primarySmtp, "bob3@secondary.example");
    t.is(user.requestedSmtp, "bob@secondary.example");
    t.deepEqual(user.secondarySmtps, ["free@secondary.example", "Team2@secondary.example"]);
    t.deepEqual(
      user.assignments?.map(({ kind, assigned }) => [kind, assigned]),
      [
        ["primary", "bob3@secondary.example"],
        ["secondary", "Team2@secondary.example"],
      ],
    );
  },
);

test.serial("a create that refuses suffixes names every conflict, and holds nothing", async (t) => {
  await create({ primarySmtp: "eve@refuse.example", secondarySmtps: ["e@refuse.example"] });
  const { errors } = await refusalOf({
    primarySmtp: "EVE@refuse.example",
    secondarySmtps: ["eve@refuse.example", "free@refuse.example", "E@refuse.example", "ceo@refuse.example"],
    onTaken: "refuse",
  });
  t.deepEqual(Object.keys(errors), ["#/primarySmtp", "#/secondarySmtps/2", "#/secondarySmtps/3"]);
  t.regex(errors["#/secondarySmtps/3"] ?? "", /blocked/);
  await eventually(async () => {
    const { status } = await rig.call("smtp-registry.lookup", { address: "free@refuse.example" });
    assert.equal(status, "available");
  });
});

test.serial(
  "a blocked name is refused and never suffixed, as primary and as secondary, whatever is asked",
  async (t) => {
    for (const onTaken of [undefined, "suffix", "refuse"] as const) {
      const { errors } = await refusalOf({
        primarySmtp: "PostMaster@blocked.example",
        secondarySmtps: ["free@blocked.example", "CEO@blocked.example"],
        onTaken,
      });
      t.deepEqual(Object.keys(errors), ["#/primarySmtp", "#/secondarySmtps/1"]);
      for (const detail of Object.values(errors)) t.regex(detail, /blocked/);
    }
  },
);

test.serial(
  "a name that the list does not hold can be created exactly, though RFC 2142 has it",
  async (t) => {
    const user = await create({
      primarySmtp: "info@exactly.example",
      secondarySmtps: ["sales@exactly.example"],
    });
    t.is(user.primarySmtp, "info@exactly.example");
    t.deepEqual(user.secondarySmtps, ["sales@exactly.example"]);
  },
);

test.serial("a suffix never makes a blocked name, nor one that is a blocked name and a number", async (t) => {
  await create({ primarySmtp: "web@numbers.example" });
  t.is((await create({ primarySmtp: "web@numbers.example" })).primarySmtp, "web3@numbers.example");
  await create({ primarySmtp: "postmaster7@numbers.example" });
  t.regex((await refusalOf({ primarySmtp: "postmaster7@numbers.example" })).message, /no suffix fits/);
});
