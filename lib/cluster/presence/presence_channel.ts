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

/** What a node tells of members. */
export type PresenceMessage = Delta | Answer | RoomsPart;

/** Where each node tells something to all nodes. */
export const NODES_SUBJECT = "chorus.nodes";

/**
 * The subjects with which nodes tell each other of members. Malformed messages are ignored. Each
 * kind of failure is logged once.
 *
 * | subject                   | messages                                                     |
 * | ------------------------- | ------------------------------------------------------------ |
 * | `chorus.nodes`            | a node is there, ends, or asks for members or rooms          |
 * | `chorus.presence.ROOM`    | a change in a room, or a snapshot of it                      |
 * | `chorus.presence.to.NODE` | answers to a node: snapshots, or names of rooms              |
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

  tellNodes(message: OwnMessage): void {
    this.#publish(NODES_SUBJECT, [JSON.stringify({ node: this.#nodeId, ...message })]);
  }

  tellRoom(room: string, texts: Iterable<string>): void {
    this.#publish(roomSubject(room), texts);
  }

  answer(node: string, texts: Iterable<string>): void {
    this.#publish(answersSubject(node), texts);
  }

  /** Receives what all nodes tell all nodes, this one included. */
  subscribeToNodes(receive: (message: NodeMessage) => void): Subscription {
    return this.#subscribe(NODES_SUBJECT, decodeNodeMessage, receive);
  }

  /** Receives what the nodes tell of a room. */
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

  /** While the connection is interrupted, what is published is lost. */
  #publish(subject: string, texts: Iterable<string>): void {
    if (!this.isOpen) return;
    try {
      for (const text of texts) this.#connection.publish(subject, text);
    } catch (error) {
      this.warn("Cannot tell other processes which members are here: {error}", {
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
          return this.warn("Cannot hear which members other processes have: {error}", {
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

/** Returns where other nodes answer a node. */
export function answersSubject(node: string): string {
  return `chorus.presence.to.${node}`;
}
