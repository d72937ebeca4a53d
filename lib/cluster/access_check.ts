import { AckPolicy } from "@nats-io/jetstream";
import { errors } from "@nats-io/transport-node";
import { answersSubject, NODES_SUBJECT } from "./presence/presence_channel.ts";
import { STREAM } from "./stream/stream_setup.ts";
import type { StreamClients } from "./stream/subject_reader.ts";

/** NATS forgets the consumer after this time, if it is not deleted. */
const READER_IDLE_NS = 10_000_000_000;

/**
 * Checks that this user may do what is needed later: read the stream, and publish and subscribe to
 * the subjects `chorus.>`. Nothing is stored, and other processes see nothing of it.
 *
 * A publish that the stream refuses would check more, but it is not safe in clusters of NATS 2.9:
 * replicas count refused messages, and may then lose others.
 *
 * @throws {errors.PermissionViolationError} If it may not; also as the cause.
 */
export async function checkAccess(
  { link, manager }: StreamClients,
  node: string,
): Promise<void> {
  const { connection } = link;
  const { name } = await manager.consumers.add(STREAM, {
    ack_policy: AckPolicy.None,
    inactive_threshold: READER_IDLE_NS,
    mem_storage: true,
    num_replicas: 1,
  });
  await manager.consumers.delete(STREAM, name);

  // Nobody answers this: if somebody watches the subjects, the time for an answer passes.
  const answers = answersSubject(node);
  await connection.request(answers).catch((error) => {
    if (error instanceof errors.TimeoutError) return;
    if (!(error instanceof errors.RequestError && error.isNoResponders())) throw error;
  });
  let violation: Error | undefined;
  const subscriptions = [NODES_SUBJECT, answers].map((subject) =>
    connection.subscribe(subject, {
      callback: (error) => {
        violation ??= error ?? undefined;
      },
    })
  );
  // NATS answers in order, so it has reported a violation before.
  await connection.flush();
  for (const subscription of subscriptions) subscription.unsubscribe();
  if (violation) throw violation;
}
