import { isoTime, keysOf, pathOf, requestAt, type LoggedRequest } from "./request.ts";

export interface W3cReader {
  /** A line that begins with `#`. `#Fields:` names the fields of the lines that follow. */
  directive(line: string): void;
  read(line: string): LoggedRequest | undefined;
}

/**
 * W3C extended log format (https://www.w3.org/TR/WD-logfile): IIS and ProGet, with blanks between fields, CloudFront, with
 * tabs. Times are UTC.
 */
export function createW3cReader(): W3cReader {
  let fields: string[] = [];
  let date = "";
  return {
    directive(line) {
      const [, name, value = ""] = /^#([\w-]+):\s*(.*)$/.exec(line) ?? [];
      if (name?.toLowerCase() === "fields") fields = value.toLowerCase().trim().split(/\s+/);
      // for logs whose lines have only the time of day
      if (name?.toLowerCase() === "date" || name?.toLowerCase() === "start-date")
        date = /\d{4}-\d\d-\d\d/.exec(value)?.[0] ?? date;
    },
    read(line) {
      if (fields.length === 0) return undefined;
      const values = line.includes("\t") ? line.split("\t") : (line.match(/"(?:[^"]|"")*"|\S+/g) ?? []);
      if (values.length !== fields.length) return undefined;
      const field = (name: string) => {
        const value = values[fields.indexOf(name)];
        return value === "-" ? undefined : value?.replace(/^"(.*)"$/s, "$1");
      };
      const at = isoTime(`${field("date") ?? date}T${field("time")}`);
      // a stem is a path, in which IIS writes ? and # of a name decoded
      const path = field("cs-uri-stem") ?? pathOf(field("cs-uri") ?? "");
      const [method, status] = [field("cs-method"), field("sc-status")];
      // a shorter status is one whose rest is not written yet
      if (!fields.includes("cs-method") || !/^\d{3}$/.test(status ?? "")) return undefined;
      const isOwn = field("cs(user-agent)")?.startsWith("feedctl") === true;
      // IIS writes blanks as +
      const keys = [...keysOf(path), ...keysOf(path.replaceAll("+", " "))];
      return requestAt(at, { keys, status: Number(status), method: method ?? "", isOwn });
    },
  };
}
