/** `npm run identity`: an identity provider on this machine, to try the tokens of people with (docs/guides/access.md). */
import { exitCodes } from "../services/contracts/exits.ts";
import {
  type CommandForm,
  commandLine,
  numberOf,
  orExit,
  usageError,
} from "../services/runtime/command-line.ts";
import { signIn, startIdentityProvider } from "./support/identity-provider.ts";

const portByDefault = 3010;
const audience = "http://127.0.0.1:3000";
const people = {
  ann: { groups: ["mail administrators"] },
  rita: { groups: ["readers"] },
  olga: { groups: ["owners"], acr: "mfa" },
  norman: { groups: [] },
};

const form: CommandForm = {
  name: "identity",
  says: `An identity provider on this machine, to try the tokens of people with; nobody needs a password. With "token" and one of ${Object.keys(people).join(", ")}: signs them in at the one that runs, and prints their access token.`,
  words: { form: "[token <name>]", max: 2 },
  options: { port: { value: "N", says: `where it listens, ${portByDefault} when it is not given` } },
};

const line = commandLine(form);
const port = orExit(() => numberOf(form, line, "port", { min: 1, max: 65_535 })) ?? portByDefault;
const issuer = `http://127.0.0.1:${port}`;
const [word, name = ""] = line.words;

async function printToken(): Promise<void> {
  try {
    const { access_token: token } = await signIn(issuer, name, { audience });
    process.stdout.write(`${token}\n`);
  } catch (error) {
    const isAway = error instanceof TypeError;
    const reason = `Cannot sign in: nobody answers at ${issuer} (npm run identity starts a provider)`;
    process.stderr.write(`${isAway ? reason : (error as Error).message}\n`);
    process.exitCode = exitCodes.unavailable;
  }
}

async function run(): Promise<void> {
  await startIdentityProvider({ people, audience, port });
  process.stdout.write(
    [
      `The identity provider listens on ${issuer}. Start mailroster with`,
      "",
      "export AUTH=required",
      `export OIDC_ISSUERS=demo=${issuer}`,
      `export OIDC_AUDIENCE=${audience}`,
      "export OIDC_ROLE_CLAIM=groups",
      "export OIDC_ROLES_FILE=docs/guides/roles.json",
      "",
    ].join("\n"),
  );
}

if (word !== undefined && (word !== "token" || !Object.hasOwn(people, name)))
  orExit(() => {
    throw usageError(form, `there is nothing to do for "${line.words.join(" ")}"`);
  });
await (word === "token" ? printToken() : run());
