/** The faults of a peer: the close code that it gets, and the reason. */
const FAULTS = {
  RESERVED_BIT: [1002, "a reserved bit is set"],
  RESERVED_OPCODE: [1002, "the opcode is reserved"],
  NOT_MASKED: [1002, "a client must mask its frames"],
  MASKED: [1002, "a server must not mask its frames"],
  CONTROL_TOO_LONG: [1002, "a control frame has over 125 bytes"],
  CONTROL_FRAGMENTED: [1002, "a control frame is fragmented"],
  UNEXPECTED_CONTINUATION: [1002, "there is no message to continue"],
  UNFINISHED_MESSAGE: [1002, "the previous message is not finished"],
  LENGTH_NOT_SHORTEST: [1002, "the length is not in its shortest form"],
  LENGTH_TOO_BIG: [1002, "the length is 2^53 or more"],
  CLOSE_PAYLOAD: [1002, "a close frame has one byte"],
  CLOSE_CODE: [1002, "the close code is not allowed"],
  CLOSE_REASON: [1007, "the close reason is not UTF-8"],
  TEXT: [1007, "the text is not UTF-8"],
  MESSAGE_TOO_BIG: [1009, "the message is too big"],
} as const satisfies Record<string, readonly [closeCode: number, reason: string]>;

type Fault = keyof typeof FAULTS;

/**
 * The peer has broken RFC 6455, or exceeded a limit.
 *
 * The connection is closed with `closeCode`, and with the message as the reason.
 */
export class ProtocolError extends Error {
  override readonly name = "ProtocolError";
  /** See RFC 6455 section 7.4.1. */
  readonly closeCode: number;

  constructor(fault: Fault) {
    const [closeCode, reason] = FAULTS[fault];
    super(reason);
    this.closeCode = closeCode;
  }
}
