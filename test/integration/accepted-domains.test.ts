/** In which domains addresses may be taken. */
import test from "ava";
import { eventually } from "../support/eventually.ts";
import { rigOf } from "../support/rig.ts";

const person = (primarySmtp: string, more: object = {}) => ({ displayName: "Ann", primarySmtp, ...more });

test("while no domain is declared any is taken; from the first one on a new address elsewhere is refused in every process", async (t) => {
  const rig = await rigOf(t);
  const other = await rig.another();
  const before = await rig.http("POST", "/users", person("ann@elsewhere.example"));
  t.is(before.status, 201);
  t.deepEqual((await rig.http("GET", "/domains")).body, { items: [], nextCursor: null });
  t.is((await rig.http("GET", "/domains/example.com")).status, 404);

  const declared = await rig.http("PUT", "/domains/Example.COM");
  t.is(declared.status, 201);
  t.like(declared.body, { domain: "example.com", name: "example.com", declaredBy: "local", created: true });
  t.is((await rig.http("PUT", "/domains/example.com")).status, 204);
  t.is((await rig.http("PUT", "/domains/B%C3%BCcher.example")).status, 201);
  t.is((await rig.http("PUT", "/domains/no%20domain")).status, 422);
  t.deepEqual(
    (await rig.http("GET", "/domains")).body.items.map(({ domain, name }: Record<string, string>) => [
      domain,
      name,
    ]),
    [
      ["example.com", "example.com"],
      ["xn--bcher-kva.example", "bücher.example"],
    ],
  );
  t.like((await rig.http("GET", "/domains/b%C3%BCcher.example")).body, { name: "bücher.example" });

  for (const [index, instance] of [rig, other].entries()) {
    const refused = await eventually(async () => {
      const answer = await instance.http("POST", "/users", person(`bob.${index}@elsewhere.example`));
      if (answer.status === 201) throw new Error("It has not heard of it");
      return answer;
    });
    t.is(refused.status, 422);
    t.like(refused.body, { type: "/problems/domain-not-accepted", errors: [{ pointer: "#/primarySmtp" }] });
    const secondary = await instance.http(
      "POST",
      "/users",
      person(`bob.${index}@example.com`, {
        secondarySmtps: [`b.${index}@bücher.example`, `b.${index}@x.example`],
      }),
    );
    t.is(secondary.status, 422);
    t.like(secondary.body, { errors: [{ pointer: "#/secondarySmtps/1" }] });
    t.is((await instance.http("POST", "/users", person(`bob.${index}@EXAMPLE.com`))).status, 201);
  }

  const { id } = before.body;
  t.is(
    (await rig.http("PATCH", `/users/${id}`, { displayName: "Ann Lee" })).status,
    200,
    "what exists stays",
  );
  t.is((await rig.http("PATCH", `/users/${id}`, { primarySmtp: "new@elsewhere.example" })).status, 422);
  t.is((await rig.http("PATCH", `/users/${id}`, { primarySmtp: "ann@example.com" })).status, 200);
  t.is((await rig.http("GET", "/smtp/ann@elsewhere.example")).status, 200, "looking up goes on");
});

test("a domain in which addresses live is not removed, and who declared and removed one stays on record", async (t) => {
  const rig = await rigOf(t);
  await rig.http("PUT", "/domains/example.com");
  const { body } = await rig.http(
    "POST",
    "/users",
    person("ann@example.com", { secondarySmtps: ["a@example.com"] }),
  );
  const refused = await rig.http("DELETE", "/domains/example.com");
  t.is(refused.status, 409);
  t.like(refused.body, { type: "/problems/domain-in-use" });
  t.regex(refused.body.detail, /2 addresses/);
  await rig.http("DELETE", `/users/${body.id}`);
  t.is((await rig.http("DELETE", "/domains/example.com")).status, 204);
  t.is((await rig.http("DELETE", "/domains/example.com")).status, 404);
  t.is((await rig.http("PUT", "/domains/example.com")).status, 201);
  const { rows } = await rig.usersDb.query(
    "select declared_by, removed_by from accepted_domains order by declared_at",
  );
  t.deepEqual(rows, [
    { declared_by: "local", removed_by: "local" },
    { declared_by: "local", removed_by: null },
  ]);
  const told = await eventually(async () => {
    const { items } = (await rig.http("GET", "/activity?target=example.com")).body;
    if (items.length < 3) throw new Error(`${items.length} of 3 are on record`);
    return items.map(({ action }: Record<string, string>) => action);
  });
  t.deepEqual(told, ["domains.declare", "domains.remove", "domains.declare"]);
});
