/** The start can't go on although the configuration is well formed; the message is one sentence for the operator. */
export class StartError extends Error {
  override name = "StartError";
}

/** What a command works with (a system, a broker, a database) is out of reach; the message says which, and why. */
export class UnreachableError extends StartError {
  override name = "UnreachableError";
}

/** What a command was given to read makes no sense; the message is one sentence that says where. */
export class DataError extends StartError {
  override name = "DataError";
}

/** Whoever runs a command may not do what it does; the message says what is missing. */
export class ForbiddenError extends StartError {
  override name = "ForbiddenError";
}

/** The words of a command make no sense; the message is one sentence. */
export class UsageError extends Error {
  override name = "UsageError";
}

/**
 * The exit codes of every command, those of sysexits.h where it has one: EX_USAGE, EX_DATAERR, EX_UNAVAILABLE,
 * EX_NOPERM, EX_CONFIG. docs/commands.md tells what each means for whom.
 */
export const exitCodes = {
  ok: 0,
  failure: 1,
  /** No fault was found, but not everything could be seen, or it is not over yet. */
  uncertain: 2,
  notFound: 3,
  usage: 64,
  data: 65,
  unavailable: 69,
  forbidden: 77,
  config: 78,
  /** By a signal before its end; of a system: at once, because the signal came again. */
  interrupted: 130,
} as const;
