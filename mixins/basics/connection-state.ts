/** What the code of a connection's error says of the other side. The words for it are those of whoever tells. */

const codes = {
  refused: "ECONNREFUSED",
  lost: "ECONNRESET ECONNABORTED ENOTCONN EPIPE ESHUTDOWN ENETRESET ERR_SOCKET_CLOSED ERR_STREAM_DESTROYED ERR_STREAM_PREMATURE_CLOSE ERR_STREAM_WRITE_AFTER_END",
  silent: "ETIMEDOUT ERR_SOCKET_CONNECTION_TIMEOUT ERR_TLS_HANDSHAKE_TIMEOUT",
  unreachable: "EHOSTUNREACH EHOSTDOWN ENETUNREACH ENETDOWN EADDRNOTAVAIL",
  /** Of its name, by the resolver. */
  nameless: "ENOTFOUND EAI_AGAIN EAI_FAIL EAI_MEMORY EAI_NODATA EAI_NONAME",
} as const;

export type ConnectionState = keyof typeof codes;

/** A value of each state for each of its codes. */
export const byConnectionCode = <V>(values: Readonly<Record<ConnectionState, V>>): Record<string, V> =>
  Object.fromEntries(
    (Object.keys(codes) as ConnectionState[]).flatMap((state) =>
      codes[state].split(" ").map((code) => [code, values[state]]),
    ),
  );
