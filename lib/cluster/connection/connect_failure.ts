import { errors } from "@nats-io/transport-node";
import { errorMessage } from "../../cli/error_message.ts";

/** The server offers no TLS, and the client demands it. */
const NO_TLS = /does not support 'tls'/;

/** Whether another attempt to connect would fail in the same way: the settings are wrong. */
export function isFinalFailure(error: unknown): boolean {
  const message = errorMessage(error);
  // A busy server may take too long to authenticate a user.
  if (error instanceof errors.AuthorizationError) return !/timeout/i.test(message);
  return isCertificateError(error) || NO_TLS.test(message);
}

/** Explains why there is no connection to a NATS server, and what to do about it. */
export function connectFailure(error: unknown): string {
  const message = errorMessage(error);
  if (error instanceof errors.AuthorizationError) {
    return "it does not admit this user; check the user and the password, or the token, in " +
      `--nats, or --nats-credentials (${message})`;
  }
  if (error instanceof errors.TimeoutError) {
    return "it does not answer in time; check the address, and that it is NATS";
  }
  if (isCertificateError(error)) {
    return codeOf(error) === "ERR_TLS_CERT_ALTNAME_INVALID"
      ? "its certificate is for another host; use a name of the certificate in --nats"
      : "its certificate is not trusted, or has expired; set --nats-ca to the file with its " +
        `authority (${message})`;
  }
  if (/alert/i.test(message)) {
    return `it refuses TLS with this client, which has no certificate of its own (${message})`;
  }
  if (NO_TLS.test(message)) {
    return "it does not use TLS; use nats:// without --nats-ca, or turn TLS on in nats-server";
  }
  if (message === "connection refused") {
    return "nothing listens there; check the address, and that nats-server runs";
  }
  if (/^getaddrinfo/.test(message)) return `the host name cannot be resolved (${message})`;
  if (/unexpected response/.test(message) || error instanceof SyntaxError) {
    return "another program than NATS answers there; check the port";
  }
  // nats.js has no error if the server closes the connection.
  if (/undefined error/.test(message)) {
    return "it closes the connection at once; check the port, and the log of nats-server";
  }
  return message;
}

function isCertificateError(error: unknown): boolean {
  // Those of `node:tls`, such as DEPTH_ZERO_SELF_SIGNED_CERT.
  return /CERT_|_CERT|UNABLE_TO_VERIFY/.test(codeOf(error)) && !/alert/i.test(errorMessage(error));
}

function codeOf(error: unknown): string {
  return (error as { readonly code?: string } | undefined)?.code ?? "";
}
