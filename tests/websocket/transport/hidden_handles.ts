import process from "node:process";

/** The methods of TCP handles. */
const HANDLE_METHODS: object =
  (process as unknown as { binding(name: string): { TCP: { prototype: object } } })
    .binding("tcp_wrap").TCP.prototype;

/** Hides a method that TcpTransport needs, as another version of Deno might, until disposed. */
export function hideTcpHandles(): Disposable {
  return replaceMethod("useUserBuffer", () => undefined);
}

/**
 * Replaces a method of all TCP handles until this is disposed.
 *
 * @param replace Returns the new method for the old one; undefined to hide it.
 */
export function replaceMethod(name: string, replace: (before: Method) => unknown): Disposable {
  const methods = HANDLE_METHODS as Record<string, unknown>;
  const before = methods[name];
  methods[name] = replace(before as Method);
  return { [Symbol.dispose]: () => methods[name] = before };
}

type Method = (this: object, ...args: unknown[]) => unknown;

/** Whether {@linkcode hideTcpHandles} is in effect. */
export function areTcpHandlesHidden(): boolean {
  return (HANDLE_METHODS as Record<string, unknown>).useUserBuffer === undefined;
}
