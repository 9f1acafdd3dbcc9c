/** The console's people as one part of a gateway: who they are to the access control, and how they come and go. */
import type { Logger } from "../../../mixins/log/logging.ts";
import type { Browsers } from "../access/index.ts";
import { byProxy } from "../access/proxy.ts";
import { type SessionAnswersOptions, sessionAnswers } from "./answers.ts";
import { consoleSessions, type SessionOptions } from "./index.ts";
import { consoleProvider } from "./provider.ts";
import { localCaller } from "./state.ts";

type Options = SessionOptions & { readonly log: Logger } & Pick<
    SessionAnswersOptions,
    "activity" | "refused"
  >;

export interface PeopleAtConsole {
  readonly browsers: Browsers;
  readonly answers: ReturnType<typeof sessionAnswers>;
}

export function peopleAtConsole({ activity, refused, ...options }: Options): PeopleAtConsole {
  const { config, log, ...parts } = options;
  const { oidc, consoleClient } = config;
  const provider = oidc && consoleClient && consoleProvider(consoleClient, { oidc, log, now: options.now });
  const sessions = consoleSessions(options);
  const atThisMachine = localCaller(config, sessions);
  return {
    browsers: {
      isIn: sessions.isIn,
      principalOf: sessions.principalOf,
      local: atThisMachine,
    },
    answers: sessionAnswers({
      ...parts,
      config,
      sessions,
      provider,
      local: atThisMachine,
      byProxy: config.auth === "proxy" ? byProxy(config) : undefined,
      activity,
      refused,
    }),
  };
}
