import type { LookupAddress } from "node:dns";
import { lookup as lookUp } from "node:dns/promises";
import { isIP, type LookupFunction } from "node:net";
import { type ConnectFailure, connectFailure, lookupTimeout } from "./connect_failure.ts";

/** The addresses of the server's name, or why there are none. It can be sent to another thread. */
export type NameLookup =
  /** `ms` is how long the lookup took. */
  | { readonly addresses: readonly LookupAddress[]; readonly ms: number }
  | { readonly failure: ConnectFailure };

/** What {@linkcode lookUpName} needs besides the URL. */
export interface NameLookupOptions {
  /** How long the lookup may take. */
  readonly timeoutMs: number;
  /** Ends the lookup. */
  readonly signal: AbortSignal;
  /** Finds all addresses of a name; by default as the system does, so that /etc/hosts counts. */
  readonly lookup?: (host: string) => Promise<readonly LookupAddress[]>;
}

/** The host of a URL. The brackets of an IPv6 address belong to the URL, not to the address. */
export function hostOf({ hostname }: URL): string {
  return hostname.replace(/^\[|\]$/g, "");
}

/**
 * Looks up the name of a server once for all users.
 *
 * @returns undefined if the URL has an address instead of a name, or the signal aborted.
 */
export async function lookUpName(
  url: string,
  { timeoutMs, signal, lookup = lookUpAll }: NameLookupOptions,
): Promise<NameLookup | undefined> {
  const host = hostOf(new URL(url));
  if (isIP(host) !== 0 || signal.aborted) return undefined;
  const startMs = performance.now();
  const ended = Promise.withResolvers<NameLookup | undefined>();
  const timer = setTimeout(
    () => ended.resolve({ failure: lookupTimeout(url, timeoutMs) }),
    timeoutMs,
  );
  const abort = () => ended.resolve(undefined);
  signal.addEventListener("abort", abort);
  lookup(host).then(
    (addresses) => ended.resolve({ addresses, ms: performance.now() - startMs }),
    (error) => ended.resolve({ failure: connectFailure(url, error) }),
  );
  try {
    return await ended.promise;
  } finally {
    clearTimeout(timer);
    signal.removeEventListener("abort", abort);
  }
}

function lookUpAll(host: string): Promise<readonly LookupAddress[]> {
  return lookUp(host, { all: true });
}

/**
 * A lookup for `node:net` that knows the addresses. Users take turns: each begins with another
 * address of the first one's family. The system's order of the families stays.
 *
 * @param turn A whole number that counts users, or that is different for each of them.
 */
export function lookupOf(addresses: readonly LookupAddress[], turn: number): LookupFunction {
  const inTurn = [...addresses];
  for (const family of [4, 6]) {
    const places = addresses.flatMap((each, at) => each.family === family ? [at] : []);
    places.forEach((place, at) => {
      inTurn[place] = addresses[places[(at + turn) % places.length]!]!;
    });
  }
  return (_host, { all, family }, callback) => {
    const wanted = inTurn.filter((each) => each.family === family);
    const found = wanted.length > 0 ? wanted : inTurn;
    if (all) callback(null, found);
    else callback(null, found[0]!.address, found[0]!.family);
  };
}
