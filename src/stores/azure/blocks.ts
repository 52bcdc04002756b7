import { isFeedctlError } from "../../errors.ts";
import { mapParallel } from "../../lib/concurrency/parallel.ts";
import type { AzureCall } from "./call.ts";
import type { BlockBlobClient } from "./client.ts";
import { azureCode } from "./errors.ts";

/** How many blocks are in flight at once. */
export const CONCURRENCY = 4;

/** Azure's limit for one blob. */
export const MAX_BLOCKS = 50_000;

export interface Staging<T> {
  /** Yields the blocks to stage. Must end when the signal is aborted. */
  blocks(signal: AbortSignal): AsyncIterable<T> | Iterable<T>;
  stage(block: T, signal: AbortSignal): Promise<void>;
  /** Whether blocks in flight are completed after a failure, so that the next put finds them. */
  keeps: boolean;
  signal: AbortSignal | undefined;
}

/** Stages several blocks at once. Stops at the first failure and rejects with it. */
export async function stageBlocks<T>({ blocks, stage, keeps, signal }: Staging<T>): Promise<void> {
  const reading = new AbortController();
  const sending = keeps ? new AbortController() : reading;
  const also = ({ signal: own }: AbortController) => (signal === undefined ? own : AbortSignal.any([signal, own]));
  const [whileReading, whileSending] = [also(reading), also(sending)];
  let failure: unknown;
  const fail = (error: unknown) => {
    // Only the first failure: the abort makes the other blocks fail as interrupted.
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
    for await (const _ of mapParallel(source(), CONCURRENCY, (block) => stage(block, whileSending).catch(fail)));
  } catch (error) {
    throw failure ?? error;
  } finally {
    reading.abort();
  }
}

/** Bytes of `content` in a block's id where no other tool has left blocks. */
export const ID_CONTENT = 32;
/** Bytes of the index that an id begins with. */
const INDEX = 4;
/** The fewest bytes that distinguish the blocks of one upload from those of others. */
const LEAST_CONTENT = 4;

/**
 * The id of a block. All ids of a blob must have the same length, those of earlier uploads included, so `content` is
 * always as long: a hash or a random value.
 */
export function blockId(index: number, content: Buffer): string {
  const number = Buffer.alloc(INDEX);
  number.writeUInt32BE(index);
  return Buffer.concat([number, content]).toString("base64");
}

/** Whether an id has the form and length of feedctl's: those of Microsoft's tools are longer or begin with text. */
export function isOwnBlockId(id: string): boolean {
  const bytes = Buffer.from(id, "base64");
  return bytes.length === INDEX + ID_CONTENT && bytes.readUInt32BE() < MAX_BLOCKS;
}

/** The uncommitted blocks of a blob: sizes by id. If Azure does not list them they are treated as missing. */
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

/**
 * How many bytes of content an id may have beside blocks that another tool staged and never committed: ids of that tool's
 * length are accepted, and the commit discards its blocks. Undefined: there are none, or their ids are too short.
 */
export function contentBeside(staged: ReadonlyMap<string, number>): number | undefined {
  const [name] = staged.keys();
  if (name === undefined) return undefined;
  const length = Buffer.from(name, "base64").length - INDEX;
  return length >= LEAST_CONTENT ? length : undefined;
}
