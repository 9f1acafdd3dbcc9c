/** The gate's linters find nothing in our two documents, and notice what a document lacks. */
import test from "ava";
import { documentFaults, ownDocuments } from "../support/gate/document-lint.ts";

/** Deep enough to be damaged, and typed as the test needs it. */
const copy = () =>
  JSON.parse(JSON.stringify(ownDocuments())) as {
    openapi: {
      paths: Record<
        string,
        Record<string, { description?: string; parameters: { description?: string }[]; security?: object[] }>
      >;
    };
    asyncapi: { operations: Record<string, { description?: string }>; info: { license: { url?: string } } };
  };

test("neither linter finds anything in the OpenAPI or the AsyncAPI document", async (t) => {
  t.deepEqual(await documentFaults(), []);
});

test("each linter notices what each document lacks", async (t) => {
  const { openapi, asyncapi } = copy();
  const list = openapi.paths["/users"]?.get;
  delete list?.description;
  delete list?.security;
  delete list?.parameters[0]?.description;
  Object.assign(openapi, { security: undefined });
  delete asyncapi.operations["send.user.created.v1"]?.description;
  delete asyncapi.info.license.url;
  const found = await documentFaults({ openapi, asyncapi });
  for (const expected of [
    /^openapi: spectral operation-description: paths \/users get: /,
    /^openapi: spectral oas3-parameter-description: paths \/users get parameters 0: /,
    /^openapi: redocly security-defined: /,
    /^asyncapi: spectral asyncapi-3-operation-description: operations send\.user\.created\.v1: /,
    /^asyncapi: redocly info-license-strict: /,
  ])
    t.true(
      found.some((line) => expected.test(line)),
      `${expected} is not among ${found.join("\n")}`,
    );
});
