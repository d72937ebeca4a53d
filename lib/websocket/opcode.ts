/** What a frame is (RFC 6455 section 5.2). Those from 8 on are control frames. */
export const OPCODE = {
  continuation: 0x0,
  text: 0x1,
  binary: 0x2,
  close: 0x8,
  ping: 0x9,
  pong: 0xa,
} as const;

/** The opcode of a whole message. */
export type MessageOpcode = typeof OPCODE.text | typeof OPCODE.binary;
