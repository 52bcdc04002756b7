import { keysOf, otherRequest, pathOf, requestAt, type LoggedRequest } from "./request.ts";

export interface GcsReader {
  /** The first line of a log, which names the fields of the others. */
  header(line: string): void;
  read(line: string): LoggedRequest | undefined;
}

/** How the first line of a usage log begins. */
export const GCS_HEADER = '"time_micros",';

/** Usage logs of Google Cloud Storage: CSV in which every field has quotes. */
export function createGcsReader(): GcsReader {
  let fields: string[] = [];
  return {
    header(line) {
      fields = valuesOf(line);
    },
    read(line) {
      if (fields.length === 0 || !/^"\d+",/.test(line)) return undefined;
      const values = valuesOf(line);
      if (values.length !== fields.length) return undefined;
      const field = (name: string) => values[fields.indexOf(name)] ?? "";
      const at = new Date(Number(field("time_micros")) / 1000);
      const [operation, uri] = [field("cs_operation"), field("cs_uri")];
      if (!isDownload(operation, uri)) return otherRequest(at);
      const keys = [...keysOf(field("cs_object")), ...keysOf(pathOf(uri), 1)];
      const isOwn = field("cs_user_agent").startsWith("feedctl");
      return requestAt(at, { keys, status: Number(field("sc_status")), method: field("cs_method"), isOwn });
    },
  };
}

/** The JSON API has one operation for the contents of an object and for its properties. */
function isDownload(operation: string, uri: string): boolean {
  if (operation === "GET_Object") return true;
  return operation === "storage.objects.get" && (/[?&]alt=media(?:&|$)/.test(uri) || uri.startsWith("/download/"));
}

function valuesOf(line: string): string[] {
  return Array.from(line.matchAll(/(?:^|,)"((?:[^"]|"")*)"(?=,|$)/g), ([, value = ""]) => value.replaceAll('""', '"'));
}
