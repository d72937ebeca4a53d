import type { Logger } from "@logtape/logtape";
import type { NatsConnection } from "@nats-io/transport-node";
import type { RoomListener } from "../chat/backplane.ts";
import type { PresentMember } from "../chat/presence.ts";
export interface PresenceExchangeOptions {
  readonly connection: NatsConnection;
  readonly nodeId: string;
  readonly ttlMs: number;
  readonly logger: Logger;
  onPeersChange(count: number): void;
}
export class PresenceExchange {
  constructor(_: PresenceExchangeOptions) {}
  open(
    _room: string,
    _listener: Pick<RoomListener, "onJoined" | "onLeft" | "localMembers">,
  ): Promise<void> {
    return Promise.resolve();
  }
  tell(_: string, _j: readonly PresentMember[], _l: readonly PresentMember[]): void {}
  close(_: string): void {}
  resync(): void {}
  [Symbol.asyncDispose](): Promise<void> {
    return Promise.resolve();
  }
}
