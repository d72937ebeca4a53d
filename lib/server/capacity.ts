import type { Logger } from "@logtape/logtape";
import type { Rooms } from "../chat/rooms.ts";
import type { OpenWires } from "./engines/open_wires.ts";
import type { ReadinessCheck } from "./http/probes.ts";
import { type Refusal, UNAVAILABLE } from "./http/refusal.ts";
import { openFilesWarning } from "./open_files.ts";
import { MemoryLimit, type MemoryUsage } from "./memory_limit.ts";

/** Even a full server reads the heads of so many clients at a time. */
const MIN_WAITING = 1000;

/** The limits of a {@linkcode Capacity}. Each field is the server's flag of the same name. */
export interface CapacityConfig {
  /** 0 disables the limit. The same goes for the next one. */
  readonly maxConnections: number;
  readonly memoryLimit: number;
}

/** What a {@linkcode Capacity} needs besides its configuration. */
export interface CapacityOptions {
  readonly rooms: Rooms;
  readonly wires: OpenWires;
  /** How many files the process can open; undefined if that is enough, or unknown. */
  readonly openableFiles: number | undefined;
  /** Counts the files of connections that are not in the chat. */
  readonly countFiles: () => number;
  /** Reads the memory of the process. */
  readonly readMemory: () => MemoryUsage;
  /** Reads a clock that never jumps, in milliseconds. */
  readonly monotonicMs: () => number;
  readonly logger: Logger;
}

/** Files that are left free, to answer clients that are refused, and for other purposes. */
const SPARE_FILES = 50;

/** Decides what the server has room for at the moment. */
export class Capacity implements Disposable {
  readonly #maxConnections: number;
  readonly #options: CapacityOptions;
  readonly #memoryLimit: MemoryLimit;

  constructor({ maxConnections, memoryLimit }: CapacityConfig, options: CapacityOptions) {
    const { readMemory, logger } = options;
    this.#maxConnections = maxConnections || Infinity;
    this.#options = options;
    this.#memoryLimit = new MemoryLimit(memoryLimit, {
      read: readMemory,
      onChange: (isExceeded) =>
        isExceeded
          ? logger.warning("The server refuses new work: it has reached --memory-limit")
          : logger.warning("The server takes new work again: it has free memory"),
    });
  }

  /** Warns if the process can open too few files, and starts to watch the memory. */
  start(): void {
    const { openableFiles, logger } = this.#options;
    if (openableFiles !== undefined) {
      const maxConnections = this.#maxConnections;
      logger.warning(openFilesWarning({ maxConnections }, openableFiles));
    }
    this.#memoryLimit.start();
  }

  [Symbol.dispose](): void {
    this.#memoryLimit[Symbol.dispose]();
  }

  /** Refuses all work that is new if there is too little memory. */
  readonly refuseWork = (): Refusal | undefined =>
    this.#memoryLimit.isExceeded ? UNAVAILABLE.overloaded : undefined;

  /** Refuses one more member of a room if there is no room for it. */
  readonly refuseJoin = (roomName: string): Refusal | undefined => {
    const { rooms, wires } = this.#options;
    if (this.#memoryLimit.isExceeded) return UNAVAILABLE.overloaded;
    if (this.#isFull) return UNAVAILABLE.full;
    if (!this.hasFiles) return UNAVAILABLE.outOfFiles;
    if (!rooms.hasCapacityFor(roomName)) return UNAVAILABLE.tooManyRooms;
    return rooms.isFull(roomName, wires.joiningCount(roomName)) ? UNAVAILABLE.roomFull : undefined;
  };

  /**
   * How many connections may wait for their first head: as many as the server has capacity for.
   * Together with those in the chat, they then need few more files than `--max-connections`.
   */
  readonly maxWaiting = (): number =>
    this.hasFiles ? Math.max(MIN_WAITING, this.#maxConnections - this.#options.wires.size) : 1;

  /** Why a load balancer should send no new clients. */
  readonly readinessChecks: readonly ReadinessCheck[] = [
    () => this.#options.rooms.isCommitFailing ? "Messages cannot be stored in --data" : undefined,
    () => this.#memoryLimit.isExceeded ? "The server has reached --memory-limit" : undefined,
    () => this.#isFull ? "The server has reached --max-connections" : undefined,
    () => this.hasFiles ? undefined : "The server has reached the limit of open files",
  ];

  /** Whether the process can open files for more connections. */
  get hasFiles(): boolean {
    const { openableFiles = Infinity, countFiles, wires } = this.#options;
    return wires.size + countFiles() + SPARE_FILES < openableFiles;
  }

  get #isFull(): boolean {
    const { wires, monotonicMs } = this.#options;
    return wires.sizeWithUpgrades(monotonicMs()) >= this.#maxConnections;
  }
}
