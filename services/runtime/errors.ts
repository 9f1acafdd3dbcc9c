/** The start can't go on although the configuration is well formed; the message is one sentence for the operator. */
export class StartError extends Error {
  override name = "StartError";
}

/** The exit codes of a process: sysexits.h EX_CONFIG for a bad variable, 1 for any other failure. */
export const exitCodes = { ok: 0, failure: 1, config: 78, forced: 130 } as const;
