/** Packets that travel together (ADR 0016), and which nodes can read them. */

/** A frame begins with a byte that no JSON begins with; then each packet with its length before it. */
const frameMark = 0;
const lengthBytes = 4;
/** Packets of one frame. */
export const packetsMax = 128;

/** What a node reads from the wire, in the metadata of its INFO; one that says nothing reads single packets only. */
export const ownWire = { wire: 2 } as const;
const framesSince = 2;

/** Of a node's metadata, which may be anything. */
export const readsFrames = (metadata: unknown): boolean => {
  const { wire } = (metadata ?? {}) as { readonly wire?: unknown };
  return typeof wire === "number" && wire >= framesSince;
};

export function frameOf(packets: readonly Buffer[]): Buffer {
  const parts = packets.flatMap((packet) => {
    const length = Buffer.allocUnsafe(lengthBytes);
    length.writeUInt32BE(packet.length);
    return [length, packet];
  });
  return Buffer.concat([Buffer.of(frameMark), ...parts]);
}

/** The packets of a frame, or the one packet that it is. Throws RangeError when a frame is cut short. */
export function packetsOf(message: Buffer): Buffer[] {
  if (message[0] !== frameMark) return [message];
  const packets: Buffer[] = [];
  for (let at = 1; at < message.length; ) {
    const from = at + lengthBytes;
    const end = from + message.readUInt32BE(at);
    if (end > message.length) throw new RangeError("Cannot read a frame: it is cut short");
    packets.push(message.subarray(from, end));
    at = end;
  }
  return packets;
}
