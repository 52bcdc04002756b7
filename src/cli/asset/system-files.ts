import { counted } from "../../lib/text/format-size.ts";
import type { Output } from "../frame/output.ts";

/** Files that macOS and Windows create in folders and archives, as patterns of one segment. */
const SYSTEM_FILES: readonly [pattern: string, segment: RegExp][] = [
  ["__MACOSX", /^__MACOSX$/],
  [".DS_Store", /^\.DS_Store$/],
  ["._*", /^\._/],
  ["Thumbs.db", /^Thumbs\.db$/i],
  ["desktop.ini", /^desktop\.ini$/i],
];

/** An item of an upload or of a mirror. */
type Item = { type: "file"; status: string; path: string } | { type: "item"; outcome: string; key: string };

/** Counts the system files among the stored files, so that a hint can name the options that leave them out. */
export function createSystemFiles() {
  const patterns = new Set<string>();
  let count = 0;

  function look(path: string): void {
    const segments = path.split("/");
    const found = SYSTEM_FILES.find(([, pattern]) => segments.some((segment) => pattern.test(segment)));
    if (found === undefined) return;
    count++;
    patterns.add(found[0]);
  }

  return {
    /** Yields the events unchanged. */
    async *watch<Event extends Item | { type: "summary" }>(events: AsyncIterable<Event>): AsyncGenerator<Event> {
      for await (const event of events) {
        if (event.type === "file" && (event.status === "stored" || event.status === "overwritten")) look(event.path);
        else if (event.type === "item" && event.outcome === "copied") look(event.key);
        yield event;
      }
    },
    report(out: Pick<Output<never>, "note">): void {
      if (count === 0) return;
      const names = SYSTEM_FILES.map(([pattern]) => pattern).filter((pattern) => patterns.has(pattern));
      const options = names.map((pattern) => `--exclude '${pattern}'`).join(" ");
      out.note(
        `hint: ${counted(count, "file")} that macOS or Windows created came along; leave them out with ${options}`,
      );
    },
  };
}
