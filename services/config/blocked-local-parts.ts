/** The names before the @ that nobody can have, unless `BLOCKED_LOCAL_PARTS` says others. */

/**
 * The mailboxes of whoever runs a domain or a service (RFC 2142 §§ 3–5), `mailer-daemon`, as which mail servers write,
 * and the names whose owner is given certificates for the domain (CA/Browser Forum, Baseline Requirements 3.2.2.4.4; the
 * last ones were taken by some authorities).
 */
export const blockedByDefault: readonly string[] = [
  ..."info marketing sales support".split(" "),
  ..."abuse noc security".split(" "),
  ..."postmaster hostmaster usenet news webmaster www uucp ftp".split(" "),
  "mailer-daemon",
  ..."admin administrator root ssladmin ssladministrator sslwebmaster sysadmin".split(" "),
];
