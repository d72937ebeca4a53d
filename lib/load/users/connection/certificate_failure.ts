import { errorMessage } from "../../../cli/error_message.ts";
import { printable } from "../../../cli/printable.ts";
import type { ConnectFailure } from "./connect_failure.ts";

/** The server to ask. */
interface Target {
  readonly url: string;
  /** Certificates in PEM to trust instead of the system's; undefined trusts the system's. */
  readonly caCerts: string | undefined;
}

/** Whether a TLS connection failed because of the server's certificate. */
export function isCertificateError(error: unknown): boolean {
  const { code = "" } = (error ?? {}) as { readonly code?: string };
  const message = errorMessage(error);
  // An alert is the server's: it may ask for a certificate of the client.
  if (/alert/i.test(message)) return false;
  return /CERT|UNABLE_TO_VERIFY/.test(code) || /certificate/i.test(message);
}

/**
 * Explains why the certificate of a server is not accepted. All users of a target share one answer.
 *
 * `node:tls` reports an expired certificate, and most others, as "unable to verify the first
 * certificate". `Deno.connectTls()` knows the reason, so this connects once more with it.
 *
 * @param error What `node:tls` reports.
 * @param timeoutMs How long the second connection may take.
 */
export function certificateFailure(
  target: Target,
  error: unknown,
  timeoutMs: number,
): Promise<ConnectFailure> {
  let failure = failures.get(target);
  if (!failure) failures.set(target, failure = explain(target, error, timeoutMs));
  return failure;
}

const failures = new WeakMap<Target, Promise<ConnectFailure>>();

async function explain(
  target: Target,
  error: unknown,
  timeoutMs: number,
): Promise<ConnectFailure> {
  const { url } = target;
  const { code } = error as { readonly code?: string };
  const { hostname } = new URL(url);
  // The message may contain text from the server.
  const detail = printable(await rejectionBy(target, timeoutMs) ?? errorMessage(error));
  if (code === "ERR_TLS_CERT_ALTNAME_INVALID" || /not valid for/.test(detail)) {
    const names = Array.from(detail.matchAll(/DnsName\("([^"]+)"\)/g), ([, name]) => name);
    return {
      cause: "certificate of another host",
      advice: `The certificate of ${url} is for ${names.join(", ") || "another host"}, ` +
        `not for ${hostname}: use a name of the certificate in --url`,
    };
  }
  if (/certificate (has )?expired/i.test(detail)) {
    return {
      cause: "certificate expired",
      advice: `The certificate of ${url} has expired: renew it, or check this machine's clock`,
    };
  }
  if (/not valid yet/i.test(detail)) {
    return {
      cause: "certificate not valid yet",
      advice: `The certificate of ${url} is not valid yet: check this machine's clock, ` +
        "or replace the certificate",
    };
  }
  if (code === "DEPTH_ZERO_SELF_SIGNED_CERT") {
    return {
      cause: "certificate self-signed",
      advice: `The certificate of ${url} is self-signed: add it with --cacert, ` +
        "or accept any certificate with --insecure",
    };
  }
  const isUnknownIssuer = code === "UNABLE_TO_VERIFY_LEAF_SIGNATURE" &&
    /UnknownIssuer|unable to verify/.test(detail);
  return {
    cause: "certificate not trusted",
    advice: isUnknownIssuer
      ? `The issuer of the certificate of ${url} is unknown: add it with --cacert, ` +
        "or accept any certificate with --insecure"
      : `The certificate of ${url} is not accepted (${detail}): replace it, ` +
        "or accept any certificate with --insecure",
  };
}

/** Why Deno rejects the server; undefined if it does not, or does not tell in time. */
async function rejectionBy(target: Target, timeoutMs: number): Promise<string | undefined> {
  const late = Promise.withResolvers<undefined>();
  const timer = setTimeout(() => late.resolve(undefined), timeoutMs);
  try {
    return await Promise.race([rejection(target), late.promise]);
  } finally {
    clearTimeout(timer);
  }
}

async function rejection({ url, caCerts }: Target): Promise<string | undefined> {
  const { hostname, port } = new URL(url);
  let connection: Deno.TlsConn | undefined;
  try {
    connection = await Deno.connectTls({
      hostname: hostname.replace(/^\[|\]$/g, ""),
      port: Number(port || 443),
      caCerts: caCerts === undefined ? [] : [caCerts],
    });
    await connection.handshake();
    return undefined;
  } catch (error) {
    return error instanceof Deno.errors.InvalidData ? errorMessage(error) : undefined;
  } finally {
    connection?.close();
  }
}
