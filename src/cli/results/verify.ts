import type { VerifyEvent, VerifyFinding } from "../../operations/verify/verify.ts";
import type * as result from "./schemas/verify.ts";

export function findingLine({ type, finding, key, reason }: VerifyFinding): result.FindingLine {
  return { type, finding, key, reason };
}

export function verifyLine(event: VerifyEvent): result.VerifyLine {
  if (event.type === "finding") return findingLine(event);
  const { type, feed, location, read, match, differ, missingBlob, missingRow, unchecked, ...others } = event;
  const { companions, pending, foreign, repaired, bytes } = others;
  return {
    type,
    feed,
    location,
    read,
    match,
    differ,
    missingBlob,
    missingRow,
    unchecked,
    companions,
    pending,
    foreign,
    repaired,
    bytes,
  };
}
