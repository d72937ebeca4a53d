import type { Logger } from "@logtape/logtape";
import type { NatsConnection, Subscription } from "@nats-io/transport-node";
import { errorMessage } from "../../cli/error_message.ts";
import {
  type Answer,
  decodeNodeMessage,
  decodePresence,
  type Delta,
  type NodeMessage,
  type OwnMessage,
  type RoomsPart,
} from "./presence_message.ts";
import { roomToken } from "../room_token.ts";

/** A message of a node about members. */
export type PresenceMessage = Delta | Answer | RoomsPart;

/** The subject of messages to all nodes. */
export const NODES_SUBJECT = "chorus.nodes";

/**
 * The subjects of the messages between nodes about members. Malformed messages are ignored. Each
 * kind of failure is logged once.
 *
 * | subject                   | messages                                                      |
 * | ------------------------- | ------------------------------------------------------------- |
 * | `chorus.nodes`            | heartbeats, the end of a node, questions for members or rooms |
 * | `chorus.presence.ROOM`    | a change in a room, or a snapshot of it                       |
 * | `chorus.presence.to.NODE` | answers to a node: snapshots, or names of rooms               |
 */
export class PresenceChannel {
  readonly #connection: NatsConnection;
  readonly #nodeId: string;
  readonly #logger: Logger;
  readonly #warnings = new Set<string>();

  constructor(connection: NatsConnection, nodeId: string, logger: Logger) {
    this.#connection = connection;
    this.#nodeId = nodeId;
    this.#logger = logger;
  }

  /** Whether the connection is not closed. It may be interrupted. */
  get isOpen(): boolean {
    return !this.#connection.isClosed() && !this.#connection.isDraining();
  }

  /** Sends a message to all nodes. It is lost while the connection is interrupted. */
  tellNodes(message: OwnMessage): void {
    this.#publish(NODES_SUBJECT, [JSON.stringify({ node: this.#nodeId, ...message })]);
  }

  /** Sends messages to the nodes where a room is open. They are lost in the same way. */
  tellRoom(room: string, texts: Iterable<string>): void {
    this.#publish(roomSubject(room), texts);
  }

  /** Sends messages to one node. They are lost in the same way. */
  answer(node: string, texts: Iterable<string>): void {
    this.#publish(answersSubject(node), texts);
  }

  /** Receives the messages to all nodes, those of this node included. */
  subscribeToNodes(receive: (message: NodeMessage) => void): Subscription {
    return this.#subscribe(NODES_SUBJECT, decodeNodeMessage, receive);
  }

  /** Receives the messages about a room. */
  subscribeToRoom(room: string, receive: (message: PresenceMessage) => void): Subscription {
    return this.#subscribe(roomSubject(room), decodePresence, receive);
  }

  /** Receives the answers to this node. */
  subscribeToAnswers(receive: (message: PresenceMessage) => void): Subscription {
    return this.#subscribe(answersSubject(this.#nodeId), decodePresence, receive);
  }

  /** Logs a warning, each template once. */
  warn(template: string, properties: Record<string, unknown> = {}): void {
    if (this.#warnings.has(template)) return;
    this.#warnings.add(template);
    this.#logger.warning(template, properties);
  }

  #publish(subject: string, texts: Iterable<string>): void {
    if (!this.isOpen) return;
    try {
      for (const text of texts) this.#connection.publish(subject, text);
    } catch (error) {
      this.warn("Cannot send the member lists to other servers: {error}", {
        error: errorMessage(error),
      });
    }
  }

  #subscribe<T>(
    subject: string,
    decode: (payload: Uint8Array) => T | undefined,
    receive: (message: T) => void,
  ): Subscription {
    return this.#connection.subscribe(subject, {
      callback: (error, { data }) => {
        if (error) {
          return this.warn("Cannot receive the member lists of other servers: {error}", {
            error: errorMessage(error),
          });
        }
        const message = decode(data);
        if (message) receive(message);
        else this.warn("Ignored a malformed message about presence from NATS");
      },
    });
  }
}

function roomSubject(room: string): string {
  return `chorus.presence.${roomToken(room)}`;
}

/** Returns the subject of the answers to a node. */
export function answersSubject(node: string): string {
  return `chorus.presence.to.${node}`;
}
