import { isFeedctlError } from "../../errors.ts";
import { mapParallel } from "../../lib/parallel.ts";
import type { AzureCall } from "./call.ts";
import type { BlockBlobClient } from "./client.ts";
import { azureCode } from "./errors.ts";

/** Blocks on their way at once. */
export const LANES = 4;

/** Azure's limit of one blob. */
export const MAX_BLOCKS = 50_000;

export interface Staging<T> {
  /** What is to be staged; must end when the signal is aborted. */
  blocks(signal: AbortSignal): AsyncIterable<T> | Iterable<T>;
  stage(block: T, signal: AbortSignal): Promise<void>;
  /** Whether blocks on their way may still arrive after a failure: the next put finds them. */
  keeps: boolean;
  signal: AbortSignal | undefined;
}

/** Stages several blocks at once. The first failure stops all the rest, and is what it rejects with. */
export async function stageBlocks<T>({ blocks, stage, keeps, signal }: Staging<T>): Promise<void> {
  const reading = new AbortController();
  const sending = keeps ? new AbortController() : reading;
  const also = ({ signal: own }: AbortController) => (signal === undefined ? own : AbortSignal.any([signal, own]));
  const [whileReading, whileSending] = [also(reading), also(sending)];
  let failure: unknown;
  const fail = (error: unknown) => {
    // Stopping makes the others fail as interrupted.
    failure ??= error;
    reading.abort();
    throw error;
  };
  async function* source(): AsyncGenerator<T> {
    try {
      yield* blocks(whileReading);
    } catch (error) {
      fail(error);
    }
  }
  try {
    for await (const _ of mapParallel(source(), LANES, (block) => stage(block, whileSending).catch(fail)));
  } catch (error) {
    throw failure ?? error;
  } finally {
    reading.abort();
  }
}

/** All ids of one blob must have one length, also those that earlier uploads have left: 32 bytes are its content. */
export function blockId(index: number, content: Buffer): string {
  const number = Buffer.alloc(4);
  number.writeUInt32BE(index);
  return Buffer.concat([number, content]).toString("base64");
}

/** The ids of the uncommitted blocks of a blob, with their sizes. What cannot be told counts as not there. */
export async function stagedBlocks(
  blob: BlockBlobClient,
  call: AzureCall,
  doing: string,
  signal: AbortSignal | undefined,
): Promise<ReadonlyMap<string, number>> {
  try {
    const list = await call(doing, signal, (abortSignal) => blob.getBlockList("uncommitted", { abortSignal }));
    return new Map(list.uncommittedBlocks?.map(({ name, size }) => [name, size]));
  } catch (error) {
    if (!isFeedctlError(error) || isFeedctlError(error, "interrupted") || azureCode(error) === "ContainerNotFound") {
      throw error;
    }
    return new Map();
  }
}
