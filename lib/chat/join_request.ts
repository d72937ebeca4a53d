import type { Access } from "./access.ts";
import type { ClientFormat } from "./counters.ts";
import type { ReplayRequest } from "./history/room_history.ts";
import type { Member } from "./members/member.ts";
import type { Wire } from "./members/wire.ts";

/** What a client asks for when it connects. */
export interface JoinRequest extends ReplayRequest {
  readonly roomName: string;
  /** The name that the client claims; null if none. */
  readonly name: string | null;
  readonly format: ClientFormat;
  /** The WebSocket subprotocol that the server answers with; undefined if none. */
  readonly protocol: string | undefined;
  /** The session token of an earlier connection. */
  readonly session: string | undefined;
  /** Whether the client wants the messages that it publishes itself. */
  readonly echo: boolean;
}

/** A connection that has just opened. */
export interface NewConnection {
  /** Its UUID. */
  readonly id: string;
  readonly wire: Wire;
  readonly access: Access;
  readonly address: string;
  /** The id of the request that opened it, if it has one. */
  readonly requestId: string | undefined;
}

/** The part of a connection that knows its member. */
export interface MemberHolder {
  /** Undefined until the connection has joined the chat, and if it cannot join. */
  member: Member | undefined;
}
