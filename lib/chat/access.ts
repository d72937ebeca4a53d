import type { CloseCode } from "./close_code.ts";
import type { Limit } from "./counters.ts";

/** Who a client is, and what it may do. */
export interface Access {
  /** The user that the client has proved to be; null if it has proved nothing. */
  readonly user: string | null;
  /** The name that the proof gives; null if it gives none, and the client may claim one. */
  readonly name: string | null;
  /** When the access ends, in milliseconds since 1970; `Infinity` if it does not end. */
  readonly expiresAtMs: number;
  mayRead(roomName: string): boolean;
  mayPublish(roomName: string): boolean;
}

/** A member that presents a new token. */
export interface RenewingMember {
  /** The UUID of its connection. */
  readonly id: string;
  readonly address: string;
  /** What it may do until then. */
  readonly access: Access;
}

/** Why a token gives no access. */
export interface AccessDenial {
  /** What is wrong with the token, in a sentence. */
  readonly message: string;
  /** The limit that is the reason, if one is. */
  readonly limit?: Limit;
  /** How to close the connection; undefined to leave it open. */
  readonly closeCode?: CloseCode;
}

/** Verifies the new token of a member. Never throws or rejects. */
export type VerifyToken = (
  token: string,
  member: RenewingMember,
) => Access | AccessDenial | Promise<Access | AccessDenial>;

/** The access of every client of a server without tokens. */
export const OPEN_ACCESS: Access = {
  user: null,
  name: null,
  expiresAtMs: Infinity,
  mayRead: () => true,
  mayPublish: () => true,
};
