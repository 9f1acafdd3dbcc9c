/** Networks in CIDR notation (RFC 4632 §3.1, RFC 4291 §2.3), and which addresses lie in them. */
import { BlockList, isIP } from "node:net";

/** IPv4 as an IPv6 socket shows it (RFC 4291 §2.5.5.2). */
const mapped = /^::ffff:(?=\d+\.\d+\.\d+\.\d+$)/i;

/** `10.0.0.0/8`, `::1`; undefined when it is neither an address nor a network. */
function networkOf(text: string): { address: string; bits: number; family: "ipv4" | "ipv6" } | undefined {
  const [address = "", bits, ...rest] = text.split("/");
  const version = isIP(address);
  if (version === 0 || rest.length > 0 || !(bits === undefined || /^\d{1,3}$/.test(bits))) return undefined;
  const most = version === 4 ? 32 : 128;
  const length = bits === undefined ? most : Number(bits);
  return length > most ? undefined : { address, bits: length, family: version === 4 ? "ipv4" : "ipv6" };
}

/** An address as a socket has it, without what belongs to the socket alone: IPv4 within IPv6, and the interface. */
export const bareAddress = (address: string): string => address.replace(mapped, "").split("%", 1)[0] ?? "";

/** Whether only this machine can have sent what comes from this address. */
export function isLoopbackAddress(address: string): boolean {
  const bare = bareAddress(address);
  return bare.startsWith("127.") || bare === "::1";
}

export const isNetwork = (text: string): boolean => networkOf(text) !== undefined;

/** Whether an address, as a socket has it, lies in one of these; what is no network holds nothing. */
export function inNetworks(networks: readonly string[]): (address: string | undefined) => boolean {
  const list = new BlockList();
  for (const text of networks) {
    const network = networkOf(text);
    if (network !== undefined) list.addSubnet(network.address, network.bits, network.family);
  }
  return (address) => {
    if (address === undefined) return false;
    const plain = bareAddress(address);
    return isIP(plain) !== 0 && list.check(plain, isIP(plain) === 4 ? "ipv4" : "ipv6");
  };
}
